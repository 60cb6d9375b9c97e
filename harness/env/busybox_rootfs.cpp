#include "harness/env/busybox_rootfs.hpp"

#include <fstream>

#include "harness/base/hash.hpp"
#include "harness/base/tar_writer.hpp"
#include "harness/env/archive_tree.hpp"
#include "harness/env/small_system.hpp"

namespace nestbox {
namespace {

constexpr const char* k_format = "1";

void build(const fs::path& path, const fs::path& busybox) {
  std::ofstream file(path, std::ios::binary);
  TarWriter archive([&](std::string_view piece) {
    file.write(piece.data(), static_cast<std::streamsize>(piece.size()));
  });
  ArchiveTree<TarWriter> tree(archive);
  add_small_system(tree, busybox);
  archive.finish();
  file.close();
  if (!file)
    throw Error(ErrorCode::io, "cannot write '" + path.string() + "'", "is the disk full?");
}

}  // namespace

Layer busybox_rootfs_layer(const BuildContext& context, const Layer& kernel) {
  const fs::path busybox = kernel.directory() / "busybox";
  const std::string key = Sha256()
                              .field("layer", "busybox rootfs")
                              .field("format", k_format)
                              .field("busybox", sha256_file(busybox))
                              .hex();
  return context.cache.find_or_build(
      {.key = key,
       .kind = "rootfs",
       .description = "busybox",
       .build =
           [&](const fs::path& staging) {
             const Activity activity(context.progress, "building tiny: a root with busybox");
             build(staging / "rootfs.tar", busybox);
           }},
      context.cancel);
}

}  // namespace nestbox
