#include "vmdrivers/qemu/driver.hpp"
