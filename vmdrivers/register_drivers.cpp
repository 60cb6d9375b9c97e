#include "vmdrivers/register_drivers.hpp"

#include "vmdrivers/local/driver.hpp"
#include "vmdrivers/qemu/driver.hpp"

namespace nestbox {

void register_drivers(DriverRegistry& registry) {
  registry.add("qemu", qemu::make_driver);
  registry.add("local", local::make_driver);
}

}  // namespace nestbox
