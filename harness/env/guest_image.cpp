#include "harness/env/guest_image.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"
#include "harness/env/copied_files.hpp"
#include "harness/env/debian_image.hpp"
#include "harness/env/disk_image.hpp"
#include "harness/env/initramfs_layer.hpp"
#include "harness/env/kernel_layer.hpp"
#include "harness/env/own_disk.hpp"
#include "harness/model/name_rules.hpp"

namespace nestbox {
namespace {

constexpr std::string_view k_debian = "debian:";

std::string suite_of(const Environment& environment) {
  return environment.image.substr(k_debian.size());
}

bool is_tiny(const Environment& environment) {
  return environment.image == "tiny";
}

[[noreturn]] void refuse(const Environment& environment, std::string why, std::string hint = {}) {
  Error error(ErrorCode::definition, fmt::format("environment '{}': {}", environment.name, why),
              std::move(hint));
  if (environment.where)
    throw error.at(*environment.where);
  throw error;
}

/// Of an image that is not ours, which some drivers cannot boot.
void check_foreign_image(const Environment& environment, Boots boots) {
  if (is_disk_image(environment.image) && boots == Boots::image)
    refuse(environment, fmt::format("image '{}' is for drivers that boot disks", environment.image),
           "choose driver 'qemu' or 'libvirt' with '--driver'");
  if (is_driver_image(environment.image) && boots == Boots::kernel)
    refuse(environment,
           fmt::format("image '{}' is for drivers that boot images", environment.image),
           "choose another driver with '--driver', or image 'debian:bookworm'");
  if (!environment.packages.empty())
    refuse(environment, "'packages' are for images 'debian:SUITE'",
           "install them by a step: '- run: …'");
}

/// What a guest of ours boots from. The content of its layers.
std::string add_our_system(const BuildContext& context, const Environment& environment,
                           GuestImage& image) {
  Layer kernel =
      kernel_layer(context, is_tiny(environment) ? k_default_suite : suite_of(environment));
  image.spec.kernel = kernel.directory() / "vmlinuz";
  std::string content = kernel.content();
  Layer initramfs = initramfs_layer(context, kernel);
  image.spec.initramfs = initramfs.directory() / (is_tiny(environment) ? "tiny.cpio" : "disk.cpio");
  content += initramfs.content();
  if (!is_tiny(environment)) {
    Layer disk = debian_disk_layer(context, debian_image(environment), kernel);
    image.spec.disk = disk.directory() / "disk.raw";
    image.spec.kernel_arguments =
        fmt::format("nestbox.root=/dev/vda nestbox.init={}",
                    environment.init == Init::systemd ? "systemd" : "agent");
    content += disk.content();
    image.layers.push_back(std::move(disk));
  }
  image.layers.push_back(std::move(initramfs));
  image.layers.push_back(std::move(kernel));
  return content;
}

/// What a disk of the user's boots from: itself. The content of the layers.
std::string add_users_system(const BuildContext& context, const Environment& environment,
                             const fs::path& base_directory, GuestImage& image) {
  try {
    Layer disk =
        own_disk_layer(context, source_beside(disk_image_file(environment.image), base_directory));
    Layer seed = seed_layer(context, environment.network);
    image.spec.disk = disk.directory() / "disk";
    image.spec.disk_format = read_disk_image(*image.spec.disk).format;
    image.spec.seed = seed.directory() / "seed.iso";
    std::string content = disk.content() + seed.content();
    image.layers.push_back(std::move(disk));
    image.layers.push_back(std::move(seed));
    return content;
  } catch (const Error& error) {
    const Error outer = error.during(fmt::format("making environment '{}'", environment.name));
    throw environment.where && error.code == ErrorCode::definition ? outer.at(*environment.where)
                                                                   : outer;
  }
}

}  // namespace

DebianImage debian_image(const Environment& environment) {
  const std::set<std::string> packages(environment.packages.begin(), environment.packages.end());
  return {suite_of(environment), environment.init, {packages.begin(), packages.end()}};
}

void check_image(const Environment& environment, Boots boots) {
  if (is_driver_image(environment.image) || is_disk_image(environment.image))
    return check_foreign_image(environment, boots);
  if (is_tiny(environment)) {
    if (!environment.packages.empty())
      refuse(environment, "image 'tiny' has no package manager",
             "use image 'debian:bookworm' for packages");
    if (environment.init == Init::systemd)
      refuse(environment, "image 'tiny' has no systemd", "use image 'debian:bookworm' for systemd");
    return;
  }
  if (!is_image_name(environment.image))
    refuse(environment, fmt::format("unknown image '{}'", environment.image), [&] {
      const std::string near = did_you_mean(
          environment.image, {"tiny", "debian:bookworm", "debian:trixie", "debian:sid"});
      return near.empty() ? "images are 'tiny' and 'debian:SUITE'" : near;
    }());
  for (const std::string& package : environment.packages)
    if (!is_package_name(package))
      refuse(environment, fmt::format("'{}' is not the name of a package", printable(package)));
}

GuestImage guest_image(const BuildContext& context, const Environment& environment,
                       const fs::path& base_directory, std::size_t interfaces) {
  check_image(environment, Boots::kernel);
  GuestImage image;
  image.spec.memory = environment.memory;
  image.spec.cores = environment.cores;
  image.spec.network = environment.network;
  // Of a template; each machine's Identity gives it its own.
  for (std::size_t index = 0; index < interfaces; ++index)
    image.spec.interfaces.push_back({fmt::format("52:54:00:00:00:{:02x}", index + 1)});

  const std::string content = is_disk_image(environment.image)
                                  ? add_users_system(context, environment, base_directory, image)
                                  : add_our_system(context, environment, image);
  image.key = Sha256()
                  .field("content", content)
                  .field("initramfs", image.spec.initramfs.filename().string())
                  .field("arguments", image.spec.kernel_arguments)
                  .field("memory", std::to_string(environment.memory.count))
                  .field("cores", std::to_string(environment.cores))
                  .field("interfaces", std::to_string(interfaces))
                  .field("network", environment.network == NetworkAccess::user ? "user" : "none")
                  .hex();
  return image;
}

}  // namespace nestbox
