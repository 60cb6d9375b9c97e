#include "harness/env/work_tree.hpp"
