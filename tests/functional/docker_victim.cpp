// Boots a container, says so, and waits to be killed: docker_victim ROOTFS.TAR
#include <unistd.h>

#include "vmdrivers/docker/driver.hpp"

int main(int, char** argv) {
  using namespace nestbox;
  MachineSpec spec;
  spec.name = "victim";
  spec.disk = argv[1];
  spec.disk_format = "tar";
  const auto driver = docker::make_driver({});
  const auto machine = driver->boot(spec, {}, Deadline::after(std::chrono::minutes(2)), {});
  if (::write(STDOUT_FILENO, "r", 1) == 1)
    ::pause();
}
