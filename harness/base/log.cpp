#include "harness/base/log.hpp"
