#include "harness/env/disk_image.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdint>

#include "harness/base/filesystem.hpp"

namespace nestbox {
namespace {

constexpr std::size_t k_head = 512;
constexpr Bytes k_largest = gibibytes(4096);
constexpr const char* k_alone = "make one that stands alone: qemu-img convert -O qcow2 FILE NEW";

/// An unsigned number of qcow2's header, big-endian.
template <class Integer>
Integer number(std::string_view head, std::size_t offset) {
  Integer value = 0;
  for (const char byte : head.substr(offset, sizeof value))
    value = static_cast<Integer>(value << 8 | static_cast<unsigned char>(byte));
  return value;
}

Result<DiskImage> parse_qcow2(std::string_view head) {
  constexpr std::size_t k_header = 104;
  constexpr std::uint64_t k_corrupt = 1U << 1;
  constexpr std::uint64_t k_external_data = 1U << 2;
  const auto version = head.size() < k_header ? 0 : number<std::uint32_t>(head, 4);
  if (version != 2 && version != 3)
    return fail(ErrorCode::definition, "is no qcow2 of version 2 or 3");
  if (number<std::uint64_t>(head, 8) != 0)
    return fail(ErrorCode::definition, "shows what another file holds (its backing file)", k_alone);
  if (number<std::uint32_t>(head, 32) != 0)
    return fail(ErrorCode::definition, "is encrypted", k_alone);
  const auto features = version == 3 ? number<std::uint64_t>(head, 72) : 0;
  if (features & k_external_data)
    return fail(ErrorCode::definition, "has its data in another file", k_alone);
  if (features & k_corrupt)
    return fail(ErrorCode::definition, "is marked as corrupt", "try: qemu-img check -r all FILE");
  return DiskImage{"qcow2", {number<std::uint64_t>(head, 24)}};
}

Result<DiskImage> parse(std::string_view head, Bytes size) {
  if (head.starts_with("QFI\xfb"))
    return parse_qcow2(head);
  if (head.size() < k_head || !head.ends_with("\x55\xaa"))
    return fail(ErrorCode::definition, "is neither a qcow2 nor a raw disk with a boot sector",
                "other formats: qemu-img convert -O qcow2 FILE NEW");
  return DiskImage{"raw", size};
}

}  // namespace

Result<DiskImage> parse_disk_image(std::string_view head, Bytes size) {
  Result<DiskImage> image = parse(head.substr(0, k_head), size);
  if (image && image->size.count > k_largest.count)
    return fail(ErrorCode::definition,
                fmt::format("is a disk of more than {}", format_bytes(k_largest)));
  return image;
}

DiskImage read_disk_image(const fs::path& path) {
  const FileDescriptor file = open_file(path, O_RDONLY | O_NONBLOCK);
  struct stat status {};
  std::array<char, k_head> head{};
  if (::fstat(file.get(), &status) != 0)
    throw system_error(fmt::format("cannot read '{}'", path.string()), errno);
  if (!S_ISREG(status.st_mode))
    throw Error(ErrorCode::definition, fmt::format("'{}' is no regular file", path.string()));
  const ssize_t count = ::pread(file.get(), head.data(), head.size(), 0);
  if (count < 0)
    throw system_error(fmt::format("cannot read '{}'", path.string()), errno);
  Result<DiskImage> image = parse_disk_image({head.data(), static_cast<std::size_t>(count)},
                                             {static_cast<std::uint64_t>(status.st_size)});
  if (!image)
    throw Error(image.error().code, fmt::format("'{}' {}", path.string(), image.error().message),
                image.error().hint);
  return *image;
}

}  // namespace nestbox
