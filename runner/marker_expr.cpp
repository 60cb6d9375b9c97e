#include "runner/marker_expr.hpp"
