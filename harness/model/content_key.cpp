#include "harness/model/content_key.hpp"
