#include "harness/base/filesystem.hpp"
