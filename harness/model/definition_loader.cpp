#include "harness/model/definition_loader.hpp"
