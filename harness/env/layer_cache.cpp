#include "harness/env/layer_cache.hpp"
