#include "harness/vm/driver_registry.hpp"
