#include "harness/env/initramfs_layer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"
#include "harness/env/archive.hpp"
#include "harness/env/archive_tree.hpp"
#include "harness/env/kernel_modules.hpp"
#include "harness/env/small_system.hpp"
#include "harness/guest/agent_transport.hpp"

namespace nestbox {
namespace {

constexpr const char* k_format = "1";
constexpr Bytes k_module_limit = mebibytes(32);

/// Loaded by the agent before anything else, in every guest.
const std::vector<std::string>& boot_modules() {
  static const std::vector<std::string> names = {"virtio_pci", "virtio_console", "virtio_blk",
                                                 "virtio_net", "ext4"};
  return names;
}

/// At hand for `modprobe` in the tiny guest.
const std::vector<std::string>& tiny_modules() {
  static const std::vector<std::string> names = {"veth",
                                                 "bridge",
                                                 "br_netfilter",
                                                 "tun",
                                                 "dummy",
                                                 "macvlan",
                                                 "ipvlan",
                                                 "vxlan",
                                                 "8021q",
                                                 "vrf",
                                                 "ifb",
                                                 "wireguard",
                                                 "nf_tables",
                                                 "nft_chain_nat",
                                                 "nft_ct",
                                                 "nft_masq",
                                                 "nft_nat",
                                                 "nft_redir",
                                                 "nft_reject_inet",
                                                 "nft_limit",
                                                 "nft_log",
                                                 "nf_conntrack",
                                                 "overlay",
                                                 "fuse",
                                                 "loop",
                                                 "af_packet",
                                                 "vsock",
                                                 "kvm_amd",
                                                 "kvm_intel",
                                                 "sch_netem",
                                                 "sch_tbf",
                                                 "sch_htb",
                                                 "sch_ingress",
                                                 "cls_u32"};
  return names;
}

struct Modules {
  std::string version;
  std::map<std::string, std::string>
      files;  ///< by name below the version's folder; modules.* among them
};

Modules read_modules(const fs::path& tar, const std::vector<std::string>& names) {
  const std::string prefix = "usr/lib/modules/";
  const auto below_version = [&](const std::string& name) {
    return name.substr(name.find('/', prefix.size()) + 1);
  };
  Modules modules;
  const auto keep = [&](const std::string& name, std::string_view content) {
    modules.version = name.substr(prefix.size(), name.find('/', prefix.size()) - prefix.size());
    modules.files.emplace(below_version(name), content);
  };
  const auto beneath = [&](const std::string& name) {
    return name.starts_with(prefix) && name.find('/', prefix.size()) != std::string::npos;
  };
  read_tar(
      tar, k_module_limit,
      [&](const std::string& name) {
        return beneath(name) && below_version(name).starts_with("modules.");
      },
      keep);
  const std::vector<std::string> order =
      KernelModules(modules.files["modules.dep"]).load_order(names);
  const std::set<std::string> wanted(order.begin(), order.end());
  read_tar(
      tar, k_module_limit,
      [&](const std::string& name) {
        return beneath(name) && wanted.contains(below_version(name));
      },
      keep);
  return modules;
}

using Initramfs = ArchiveTree<CpioWriter>;

void add_agent_and_modules(Initramfs& image, const Modules& modules,
                           const std::vector<std::string>& names) {
  for (const char* folder : {"dev", "proc", "sys", "run", "newroot", "etc", "root"})
    image.directory(folder);
  image.directory("tmp", 01777);
  image.file("init", agent_binary(), 0755);
  const KernelModules dependencies(modules.files.at("modules.dep"));
  const std::string folder = fmt::format("lib/modules/{}/", modules.version);
  for (const std::string& file : dependencies.load_order(names))
    if (const auto content = modules.files.find(file); content != modules.files.end())
      image.file(folder + file, content->second, 0644);
  std::string list;
  for (const std::string& file : dependencies.load_order(boot_modules()))
    list += "/" + folder + file + "\n";
  image.file("nestbox/modules", list, 0644);
}

/// What `modprobe` reads to find them.
void add_module_lists(Initramfs& image, const Modules& modules) {
  for (const auto& [name, content] : modules.files)
    if (name.starts_with("modules.") && name.find(".bin") == std::string::npos)
      image.file(fmt::format("lib/modules/{}/{}", modules.version, name), content);
}

void build(const fs::path& staging, const Layer& kernel, const BuildContext& context) {
  const Activity activity(context.progress, "building the initramfs");
  std::vector<std::string> names = boot_modules();
  names.insert(names.end(), tiny_modules().begin(), tiny_modules().end());
  const Modules modules = read_modules(kernel.directory() / "modules.tar", names);

  CpioWriter disk_archive(staging / "disk.cpio");
  Initramfs disk(disk_archive);
  add_agent_and_modules(disk, modules, boot_modules());
  disk_archive.finish();

  CpioWriter tiny_archive(staging / "tiny.cpio");
  Initramfs tiny(tiny_archive);
  add_agent_and_modules(tiny, modules, names);
  add_small_system(tiny, kernel.directory() / "busybox");
  add_module_lists(tiny, modules);
  tiny_archive.finish();
}

}  // namespace

Layer initramfs_layer(const BuildContext& context, const Layer& kernel) {
  const std::string key =
      Sha256()
          .field("layer", "initramfs")
          .field("format", k_format)
          .field("kernel", kernel.content())
          .field("agent", agent_digest())
          .field("modules", join(boot_modules(), " ") + "|" + join(tiny_modules(), " "))
          .hex();
  return context.cache.find_or_build(
      {.key = key,
       .kind = "initramfs",
       .description = "guest agent, busybox, kernel modules",
       .build = [&](const fs::path& staging) { build(staging, kernel, context); }},
      context.cancel);
}

}  // namespace nestbox
