#include "harness/base/units.hpp"
