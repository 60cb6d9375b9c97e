#include "harness/base/error.hpp"
