#include "harness/env/initramfs_layer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "harness/base/hash.hpp"
#include "harness/base/subprocess.hpp"
#include "harness/base/text.hpp"
#include "harness/env/archive.hpp"
#include "harness/env/kernel_modules.hpp"
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

class Initramfs {
public:
  explicit Initramfs(const fs::path& path) : m_writer(path) {}

  void file(const std::string& name, std::string_view content, unsigned mode) {
    parents(name);
    m_writer.file(name, content, mode);
  }
  void symlink(const std::string& name, const std::string& target) {
    parents(name);
    m_writer.symlink(name, target);
  }
  void directory(const std::string& name, unsigned mode = 0755) {
    parents(name);
    if (m_directories.insert(name).second)
      m_writer.directory(name, mode);
  }
  void finish() { m_writer.finish(); }

private:
  void parents(const std::string& name) {
    for (std::size_t slash = name.find('/'); slash != std::string::npos;
         slash = name.find('/', slash + 1))
      if (m_directories.insert(name.substr(0, slash)).second)
        m_writer.directory(name.substr(0, slash));
  }

  CpioWriter m_writer;
  std::set<std::string> m_directories;
};

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

void add_small_system(Initramfs& image, const Modules& modules, const Layer& kernel) {
  const fs::path busybox = kernel.directory() / "busybox";
  image.file("bin/busybox", read_file(busybox), 0755);
  const std::string applets = run_checked({.argv = {busybox.string(), "--list-full"}},
                                          Deadline::after(std::chrono::minutes(1)));
  for (const std::string& applet : split(applets, '\n'))
    if (!applet.empty() && path_beneath("/", applet) && applet != "bin/busybox"
        && applet != "linuxrc")
      image.symlink(applet, "/bin/busybox");
  for (const auto& [name, content] : modules.files)
    if (name.starts_with("modules.") && name.find(".bin") == std::string::npos)
      image.file(fmt::format("lib/modules/{}/{}", modules.version, name), content, 0644);
  image.file("etc/passwd",
             "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n", 0644);
  image.file("etc/group", "root:x:0:\nnogroup:x:65534:\n", 0644);
  image.file("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n", 0644);
  image.directory("var/tmp", 01777);
  image.symlink("var/run", "/run");
}

void build(const fs::path& staging, const Layer& kernel, const BuildContext& context) {
  const Activity activity(context.progress, "building the initramfs");
  std::vector<std::string> names = boot_modules();
  names.insert(names.end(), tiny_modules().begin(), tiny_modules().end());
  const Modules modules = read_modules(kernel.directory() / "modules.tar", names);

  Initramfs disk(staging / "disk.cpio");
  add_agent_and_modules(disk, modules, boot_modules());
  disk.finish();

  Initramfs tiny(staging / "tiny.cpio");
  add_agent_and_modules(tiny, modules, names);
  add_small_system(tiny, modules, kernel);
  tiny.finish();
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
