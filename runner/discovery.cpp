#include "runner/discovery.hpp"
