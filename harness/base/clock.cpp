#include "harness/base/clock.hpp"
