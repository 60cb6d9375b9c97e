#include "runner/selection.hpp"
