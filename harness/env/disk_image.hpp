#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "harness/base/result.hpp"
#include "harness/base/units.hpp"

namespace nestbox {

/// A whole disk in a file.
struct DiskImage {
  std::string format;  ///< QEMU's word: "raw", "qcow2"
  Bytes size;          ///< as a machine sees it

  bool operator==(const DiskImage&) const = default;
};

/// What the head of a file of `size` bytes says of the disk in it (QEMU's docs/interop/qcow2.txt):
/// its first 512 bytes, or all when there are fewer. Error(definition), to be continued from the
/// file's name, for one that is no disk, cannot start by BIOS, is too large, or needs more than
/// this file: QEMU never sees those, so that no image makes it open another file.
Result<DiskImage> parse_disk_image(std::string_view head, Bytes size);

/// parse_disk_image of a file, which the message names. Throws Error(definition), Error(io).
DiskImage read_disk_image(const std::filesystem::path& path);

}  // namespace nestbox
