#include "runner/cli/app.hpp"
