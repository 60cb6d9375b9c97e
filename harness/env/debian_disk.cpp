#include <fmt/format.h>

#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"
#include "harness/env/build_namespace.hpp"
#include "harness/env/debian_image.hpp"
#include "harness/env/host_tool.hpp"
#include "harness/guest/user_network.hpp"

namespace nestbox {
namespace {

constexpr const char* k_format = "4";

// $1 rootfs.tar, $2 modules.tar. The disk is thrown away with its machine: no journal, no checksums
// (an emulated processor computes them slowly, over a whole block for each new name), no reserve.
// No lazy inode tables: else each clone's kernel would go on initialising them in the background of
// its test.
constexpr const char* k_make_disk = R"(
mkdir tmp/root
tar --extract --numeric-owner --xattrs --xattrs-include='*' --exclude='./dev/*' --directory tmp/root --file "$1"
tar --extract --numeric-owner --directory tmp/root --file "$2"
cp --recursive --no-dereference --remove-destination files/. tmp/root
mke2fs -q -F -t ext4 -d tmp/root -L nestbox -m 0 -i 32768 -O '^has_journal,^metadata_csum' \
  -U 6e657374-626f-4000-8000-000000000001 \
  -E hash_seed=6e657374-626f-4000-8000-000000000002,lazy_itable_init=0,root_owner=0:0 disk.raw 16G
fallocate --dig-holes disk.raw
)";

/// QEMU's user mode network, should the guest have a device on it. Devices that are wired to other
/// machines are none of networkd's business.
std::string network_unit() {
  return fmt::format("[Match]\nMACAddress={}\n\n[Network]\nDHCP=yes\nLinkLocalAddressing=ipv6\n",
                     k_user_network_mac);
}

constexpr const char* k_only_with_network = "[Unit]\nConditionPathExistsGlob=/sys/class/net/e*\n";

/// What works in the background of a test, for nobody's good, or waits for what never comes.
constexpr const char* k_masked_units[] = {
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "systemd-timesyncd.service",
    "systemd-tmpfiles-clean.timer",
    "systemd-networkd-wait-online.service",
    "systemd-random-seed.service",
};

void write(const fs::path& path, std::string_view content) {
  fs::create_directories(path.parent_path());
  write_file_atomically(path, content);
  fs::permissions(path, fs::perms(0644));
}

void link(const fs::path& path, const fs::path& target) {
  fs::create_directories(path.parent_path());
  fs::create_symlink(target, path);
}

/// The files of ours, laid over the root.
void write_guest_files(const fs::path& root, Init init) {
  write(root / "etc/hostname", "nestbox\n");
  write(root / "etc/hosts",
        "127.0.0.1 localhost\n127.0.1.1 nestbox\n::1 localhost ip6-localhost ip6-loopback\n");
  write(root / "etc/machine-id", "");
  write(root / "etc/resolv.conf", fmt::format("nameserver {}\n", k_user_network_name_server));
  if (init != Init::systemd)
    return;
  const fs::path units = root / "etc/systemd/system";
  for (const char* unit : k_masked_units)
    link(units / unit, "/dev/null");
  write(root / "etc/systemd/network/80-nestbox.network", network_unit());
  write(units / "systemd-networkd.service.d/nestbox.conf", k_only_with_network);
  link(units / "multi-user.target.wants/systemd-networkd.service",
       "/lib/systemd/system/systemd-networkd.service");
}

}  // namespace

Layer debian_disk_layer(const BuildContext& context, const DebianImage& image,
                        const Layer& kernel) {
  const Layer rootfs = debian_rootfs_layer(context, image);
  const std::string key = Sha256()
                              .field("layer", "disk")
                              .field("format", k_format)
                              .field("script", k_make_disk)
                              .field("init", image.init == Init::systemd ? "systemd" : "agent")
                              .field("rootfs", rootfs.content())
                              .field("kernel", kernel.content())
                              .hex();
  return context.cache.find_or_build(
      {.key = key,
       .kind = "disk",
       .description = fmt::format("root disk of debian:{}{}", image.suite,
                                  image.packages.empty() ? "" : " + " + join(image.packages, " ")),
       .build =
           [&](const fs::path& staging) {
             const Activity activity(
                 context.progress, fmt::format("building debian:{}: making the disk", image.suite));
             require_tool("mke2fs", "e2fsprogs");
             write_guest_files(staging / "files", image.init);
             run_in_build_namespace(staging, k_make_disk,
                                    {(rootfs.directory() / "rootfs.tar").string(),
                                     (kernel.directory() / "modules.tar").string()},
                                    Deadline::after(std::chrono::minutes(30)), context);
             remove_tree(staging / "files");
             remove_build_tree(staging / "tmp");
           }},
      context.cancel);
}

}  // namespace nestbox
