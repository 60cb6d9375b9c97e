#include <fmt/format.h>

#include <algorithm>

#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"
#include "harness/env/apt_sources.hpp"
#include "harness/env/build_namespace.hpp"
#include "harness/env/debian_image.hpp"
#include "harness/env/host_tool.hpp"

namespace nestbox {
namespace {

constexpr const char* k_format = "1";

// $1 suite, $2 packages
constexpr const char* k_bootstrap = R"(
exec mmdebstrap --mode=root --variant=minbase --architectures=amd64 --format=tar --dpkgopt=force-unsafe-io \
  --include="$2" "$1" rootfs.tar sources.list
)";

// $1 suite, $2 the rootfs.tar to start from, $3 a file with the names of the packages
constexpr const char* k_add_packages = R"(
export base="$2" packages="$3"
exec mmdebstrap --mode=root --variant=custom --architectures=amd64 --format=tar --dpkgopt=force-unsafe-io \
  --setup-hook='tar --extract --numeric-owner --xattrs --xattrs-include="*" --exclude="./dev/*" \
    --directory "$1" --file "$base"' \
  --customize-hook='xargs -a "$packages" env APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" DEBIAN_FRONTEND=noninteractive \
    apt-get --yes -o DPkg::Chroot-Directory="$1" install --' \
  "$1" rootfs.tar sources.list
)";

/// What a guest cannot do without, and what nearly every test of a network or of an init system
/// uses.
std::vector<std::string> base_packages(Init init) {
  std::vector<std::string> packages = {"iproute2", "iputils-ping", "kmod", "procps"};
  if (init == Init::systemd)
    packages.insert(packages.end(), {"dbus", "systemd-sysv", "udev"});
  return packages;
}

Deadline bootstrap_deadline() {
  return Deadline::after(std::chrono::hours(1));
}

void remove_scratch(const fs::path& staging) {
  remove_build_tree(staging / "tmp");
  fs::remove(staging / "packages");
  fs::remove(staging / "sources.list");
}

}  // namespace

Layer debian_rootfs_layer(const BuildContext& context, const DebianImage& image) {
  const std::string sources = format_apt_sources(host_apt_sources(image.suite));
  Sha256 key;
  key.field("layer", "rootfs")
      .field("format", k_format)
      .field("suite", image.suite)
      .field("sources", sources);
  key.field("base packages", join(base_packages(image.init), " "));
  const std::string name =
      fmt::format("debian:{}{}", image.suite, image.init == Init::systemd ? " systemd" : "");
  if (image.packages.empty())
    return context.cache.find_or_build(
        {.key = key.hex(),
         .kind = "rootfs",
         .description = name,
         .build =
             [&](const fs::path& staging) {
               const Activity activity(
                   context.progress, fmt::format("building {}: installing the base system", name));
               require_tool("mmdebstrap", "mmdebstrap");
               write_file_atomically(staging / "sources.list", sources);
               run_in_build_namespace(staging, k_bootstrap,
                                      {image.suite, join(base_packages(image.init), ",")},
                                      bootstrap_deadline(), context);
               remove_scratch(staging);
             }},
        context.cancel);

  DebianImage bare = image;
  bare.packages.clear();
  const Layer base = debian_rootfs_layer(context, bare);
  key.field("base", base.content()).field("packages", join(image.packages, " "));
  const std::string packages = join(image.packages, " ");
  return context.cache.find_or_build(
      {.key = key.hex(),
       .kind = "rootfs",
       .description = fmt::format("{} + {}", name, packages),
       .build =
           [&](const fs::path& staging) {
             const Activity activity(context.progress,
                                     fmt::format("building {}: installing {}", name, packages));
             require_tool("mmdebstrap", "mmdebstrap");
             write_file_atomically(staging / "sources.list", sources);
             write_file_atomically(staging / "packages", join(image.packages, "\n") + "\n");
             run_in_build_namespace(staging, k_add_packages,
                                    {image.suite, (base.directory() / "rootfs.tar").string(),
                                     (staging / "packages").string()},
                                    bootstrap_deadline(), context);
             remove_scratch(staging);
           }},
      context.cancel);
}

}  // namespace nestbox
