#include "vmdrivers/local/driver.hpp"
