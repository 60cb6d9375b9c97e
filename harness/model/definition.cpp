#include "harness/model/definition.hpp"
