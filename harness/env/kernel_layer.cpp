#include "harness/env/kernel_layer.hpp"

#include <fmt/format.h>

#include "harness/base/hash.hpp"
#include "harness/env/debian_packages.hpp"
#include "harness/env/host_tool.hpp"

namespace nestbox {
namespace {

constexpr const char* k_format = "1";
constexpr const char* k_kernel_package = "linux-image-cloud-amd64";
constexpr const char* k_busybox_package = "busybox-static";

fs::path only_match(const fs::path& folder, const std::string& prefix) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error))
    if (entry.path().filename().string().starts_with(prefix))
      return entry.path();
  throw Error(ErrorCode::infrastructure, fmt::format("the kernel package has no '{}*' in '{}'",
                                                     prefix, folder.filename().string()));
}

void build(const fs::path& staging, const std::vector<AptSource>& sources,
           const BuildContext& context) {
  const Activity activity(context.progress, "fetching the Linux kernel and busybox");
  require_tool("depmod", "kmod");
  require_tool("tar", "tar");
  const fs::path work = staging / "work";
  const fs::path root = work / "root";
  fs::create_directories(work / "apt");
  DebianPackages packages(work / "apt", sources, context);
  packages.unpack(packages.resolve(k_kernel_package), root);
  packages.unpack(k_busybox_package, root);

  const auto run = [&](std::vector<std::string> argv) {
    run_tool({.argv = std::move(argv)}, context.progress, Deadline::after(std::chrono::minutes(5)),
             context.cancel);
  };
  // depmod wants lib/, a merged root wants usr/lib/; packages have either.
  if (!fs::exists(root / "lib/modules")) {
    fs::create_directories(root / "lib");
    fs::rename(root / "usr/lib/modules", root / "lib/modules");
  }
  run({"depmod", "-b", root.string(), only_match(root / "lib/modules", "").filename().string()});
  fs::create_directories(root / "usr/lib");
  fs::rename(root / "lib/modules", root / "usr/lib/modules");
  run({"tar", "--create", "--file", (staging / "modules.tar").string(), "--directory",
       root.string(), "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0",
       "usr/lib/modules"});
  fs::rename(only_match(root / "boot", "vmlinuz-"), staging / "vmlinuz");
  fs::rename(fs::exists(root / "bin/busybox") ? root / "bin/busybox" : root / "usr/bin/busybox",
             staging / "busybox");
  remove_tree(work);
}

}  // namespace

Layer kernel_layer(const BuildContext& context, const std::string& suite) {
  const std::vector<AptSource> sources = host_apt_sources(suite);
  const std::string key =
      Sha256()
          .field("layer", "kernel")
          .field("format", k_format)
          .field("suite", suite)
          .field("sources", format_apt_sources(sources))
          .field("packages", fmt::format("{} {}", k_kernel_package, k_busybox_package))
          .hex();
  return context.cache.find_or_build(
      {.key = key,
       .kind = "kernel",
       .description = fmt::format("debian:{} cloud kernel, busybox", suite),
       .build = [&](const fs::path& staging) { build(staging, sources, context); }},
      context.cancel);
}

}  // namespace nestbox
