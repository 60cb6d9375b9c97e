#include "harness/base/text.hpp"
