#include "harness/env/environment.hpp"
