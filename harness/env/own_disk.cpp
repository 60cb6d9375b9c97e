#include "harness/env/own_disk.hpp"

#include <fmt/format.h>

#include "harness/base/hash.hpp"
#include "harness/env/archive.hpp"
#include "harness/env/disk_image.hpp"
#include "harness/env/file_stamp.hpp"
#include "harness/env/host_tool.hpp"
#include "harness/env/sparse_digest.hpp"
#include "harness/guest/agent_transport.hpp"
#include "harness/guest/user_network.hpp"

namespace nestbox {
namespace {

constexpr const char* k_disk_format = "1";
constexpr const char* k_seed_format = "1";
constexpr auto k_copy_limit = std::chrono::hours(2);

constexpr const char* k_meta_data = "instance-id: nestbox\nlocal-hostname: nestbox\n";

// `bootcmd`, because it runs at each boot. A file system of our own, because programs may not be
// run from many a system's /run.
constexpr const char* k_user_data = R"(#cloud-config
bootcmd:
  - |
    set -e
    mkdir -p /run/nestbox
    mount -t tmpfs -o mode=755 nestbox /run/nestbox
    mkdir /run/nestbox/seed
    mount -o ro LABEL=cidata /run/nestbox/seed
    /run/nestbox/seed/agent --install
    umount /run/nestbox/seed
    systemctl daemon-reload
    systemctl start --no-block nestbox-agent.service
)";

/// Devices that are wired to other machines are none of cloud-init's business; without this it
/// would wait for an address on the first of them.
std::string network_config(NetworkAccess network) {
  if (network != NetworkAccess::user)
    return "config: disabled\n";
  return fmt::format(R"(version: 2
ethernets:
  user0:
    match: {{macaddress: "{}"}}
    set-name: user0
    dhcp4: true
)",
                     k_user_network_mac);
}

}  // namespace

Layer own_disk_layer(const BuildContext& context, const fs::path& file) {
  read_disk_image(file);
  const std::string name = file.filename().string();
  const std::string digest = [&] {
    const Activity activity(context.progress, fmt::format("reading disk '{}'", name));
    return known_digest(file, context.cache.root() / "digests");
  }();
  const auto build = [&](const fs::path& staging) {
    const Activity activity(context.progress, fmt::format("copying disk '{}'", name));
    const fs::path copy = staging / "disk";
    run_tool(
        {.argv = {"cp", "--reflink=auto", "--sparse=always", "--", file.string(), copy.string()}},
        context.progress, Deadline::after(k_copy_limit), context.cancel);
    if (sparse_digest(copy) != digest)
      throw Error(ErrorCode::infrastructure,
                  fmt::format("'{}' was changed while it was copied", file.string()));
  };
  return context.cache.find_or_build({.key = Sha256()
                                                 .field("layer", "own disk")
                                                 .field("format", k_disk_format)
                                                 .field("disk", digest)
                                                 .hex(),
                                      .kind = "disk",
                                      .description = fmt::format("disk '{}'", name),
                                      .build = build},
                                     context.cancel);
}

Layer seed_layer(const BuildContext& context, NetworkAccess network) {
  const std::string config = network_config(network);
  const auto build = [&](const fs::path& staging) {
    const Activity activity(context.progress, "building the seed for cloud-init");
    write_iso(staging / "seed.iso", "cidata",
              {{"meta-data", k_meta_data},
               {"user-data", k_user_data},
               {"network-config", config},
               {"agent", agent_binary(), 0755}});
  };
  return context.cache.find_or_build({.key = Sha256()
                                                 .field("layer", "seed")
                                                 .field("format", k_seed_format)
                                                 .field("user-data", k_user_data)
                                                 .field("meta-data", k_meta_data)
                                                 .field("network-config", config)
                                                 .field("agent", agent_digest())
                                                 .hex(),
                                      .kind = "seed",
                                      .description = "guest agent for cloud-init",
                                      .build = build},
                                     context.cancel);
}

}  // namespace nestbox
