#include "harness/env/container_image.hpp"

#include <fmt/format.h>

#include "harness/base/hash.hpp"
#include "harness/env/busybox_rootfs.hpp"
#include "harness/env/debian_image.hpp"
#include "harness/env/kernel_layer.hpp"
#include "harness/model/name_rules.hpp"

namespace nestbox {
namespace {

constexpr auto k_image_limit = std::chrono::hours(1);

/// With paths as the driver needs them, whatever its working directory is.
std::string placed(const std::string& image, const fs::path& base_directory) {
  for (const std::string_view prefix : {"docker-archive:", "dockerfile:"})
    if (image.starts_with(prefix))
      return fmt::format("{}{}", prefix,
                         fs::absolute(base_directory / image.substr(prefix.size())).string());
  return image;
}

Layer rootfs_layer(const BuildContext& context, const Environment& environment) {
  if (environment.image == "tiny")
    return busybox_rootfs_layer(context, kernel_layer(context, k_default_suite));
  return debian_rootfs_layer(context, debian_image(environment));
}

}  // namespace

GuestImage container_image(const BuildContext& context, Driver& driver,
                           const Environment& environment, const fs::path& base_directory) {
  check_image(environment, Boots::image);
  GuestImage image;
  image.spec.memory = environment.memory;
  image.spec.cores = environment.cores;
  image.spec.network = environment.network;
  image.spec.privileged = environment.privileged;
  image.spec.docker = environment.docker;
  image.spec.windows = environment.windows;
  std::string content;
  if (is_driver_image(environment.image)) {
    const Activity activity(context.progress, "getting image '" + environment.image + "'");
    content = image.spec.image = driver.resolve_image(
        placed(environment.image, base_directory), Deadline::after(k_image_limit), context.cancel);
  } else if (driver.capabilities().machine) {
    content = environment.image;  // the driver's own stands for it
  } else {
    Layer rootfs = rootfs_layer(context, environment);
    image.spec.disk = rootfs.directory() / "rootfs.tar";
    image.spec.disk_format = "tar";
    content = rootfs.content();
    image.layers.push_back(std::move(rootfs));
  }
  image.key = Sha256()
                  .field("content", content)
                  .field("memory", std::to_string(environment.memory.count))
                  .field("cores", std::to_string(environment.cores))
                  .field("network", environment.network == NetworkAccess::user ? "user" : "none")
                  .field("privileged", environment.privileged ? "1" : "0")
                  .field("docker", environment.docker ? "1" : "0")
                  .field("windows", environment.windows ? "1" : "0")
                  .hex();
  return image;
}

}  // namespace nestbox
