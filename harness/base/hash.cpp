#include "harness/base/hash.hpp"
