#include "vmdrivers/register_drivers.hpp"

#include "vmdrivers/absent_driver.hpp"
#include "vmdrivers/local/driver.hpp"
#include "vmdrivers/qemu/driver.hpp"
#ifdef NESTBOX_WITH_DOCKER
#include "vmdrivers/docker/driver.hpp"
#endif
#ifdef NESTBOX_WITH_EC2
#include "vmdrivers/ec2/driver.hpp"
#endif
#ifdef NESTBOX_WITH_LIBVIRT
#include "vmdrivers/libvirt/driver.hpp"
#endif
#ifdef NESTBOX_WITH_SSH
#include "vmdrivers/docker_machine/driver.hpp"
#include "vmdrivers/ssh/driver.hpp"
#endif

namespace nestbox {

void register_drivers(DriverRegistry& registry) {
  registry.add("qemu", qemu::make_driver, Cost::guest);
#ifdef NESTBOX_WITH_LIBVIRT
  registry.add("libvirt", libvirt::make_driver, Cost::guest);
#else
  add_absent_driver(registry, "libvirt", "build it with '-DNESTBOX_WITH_LIBVIRT=ON' (libvirt-dev)",
                    Cost::guest);
#endif
#ifdef NESTBOX_WITH_DOCKER
  registry.add("docker", docker::make_driver, Cost::container);
#else
  add_absent_driver(registry, "docker", "build it with '-DNESTBOX_WITH_DOCKER=ON'",
                    Cost::container);
#endif
#ifdef NESTBOX_WITH_SSH
  registry.add("docker-machine", docker_machine::make_driver, Cost::money);
  registry.add("ssh", ssh::make_driver, Cost::host);
#else
  add_absent_driver(registry, "docker-machine",
                    "build it with '-DNESTBOX_WITH_SSH=ON' (libssh-dev)", Cost::money);
  add_absent_driver(registry, "ssh", "build it with '-DNESTBOX_WITH_SSH=ON' (libssh-dev)",
                    Cost::host);
#endif
#ifdef NESTBOX_WITH_EC2
  registry.add(
      "ec2", [](const DriverSettings& settings) { return ec2::make_driver(settings); },
      Cost::money);
#else
  add_absent_driver(registry, "ec2",
                    "build it with '-DNESTBOX_WITH_EC2=ON -DNESTBOX_WITH_SSH=ON' (libssh-dev)",
                    Cost::money);
#endif
  registry.add("local", local::make_driver, Cost::nothing);
}

}  // namespace nestbox
