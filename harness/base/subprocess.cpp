#include "harness/base/subprocess.hpp"
