#include "vmdrivers/qemu_base/image.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <vector>

#include "harness/base/filesystem.hpp"
#include "harness/base/scope.hpp"

namespace nestbox::qemu {
namespace {

constexpr off_t k_page = 4096;
constexpr off_t k_chunk = 1 << 20;

off_t size_of(const FileDescriptor& file, const fs::path& path) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0)
    throw system_error("cannot read '" + path.string() + "'", errno);
  return status.st_size;
}

/// Calls `visit(offset, length)` for every piece of the file that is not a hole, at most k_chunk at
/// once.
void for_each_piece(const FileDescriptor& file, off_t size,
                    const std::function<void(off_t, off_t)>& visit) {
  off_t position = 0;
  while (position < size) {
    const off_t data = ::lseek(file.get(), position, SEEK_DATA);
    if (data < 0)
      return;
    const off_t hole = ::lseek(file.get(), data, SEEK_HOLE);
    const off_t end = hole < 0 ? size : std::min(hole, size);
    for (off_t offset = data; offset < end; offset += k_chunk)
      visit(offset, std::min(k_chunk, end - offset));
    position = end;
  }
}

bool all_zero(const char* page, off_t length) {
  return std::all_of(page, page + length, [](char byte) { return byte == 0; });
}

}  // namespace

ProcessSpec overlay_spec(const fs::path& overlay, const fs::path& backing,
                         const std::string& backing_format) {
  return {{"qemu-img", "create", "-q", "-f", "qcow2", "-F", backing_format, "-b",
           fs::absolute(backing).string(), overlay.string()}};
}

void create_overlay(const fs::path& overlay, const fs::path& backing,
                    const std::string& backing_format, Deadline deadline,
                    const CancelToken& cancel) {
  try {
    run_checked(overlay_spec(overlay, backing, backing_format), deadline, cancel);
  } catch (const Error& error) {
    if (error.code != ErrorCode::not_found)
      throw error.during("creating the disk '" + overlay.string() + "'");
    throw Error(ErrorCode::unsupported, "there is no qemu-img on this host",
                "apt-get install qemu-utils");
  }
}

void copy_ram(const fs::path& source, const fs::path& destination) {
  const FileDescriptor from = open_file(source, O_RDONLY);
  const FileDescriptor to = open_file(destination, O_WRONLY | O_CREAT | O_EXCL);
  const off_t size = size_of(from, source);
  if (::ioctl(to.get(), FICLONE, from.get()) == 0)
    return;
  const auto failed = [&] {
    throw system_error("cannot copy '" + source.string() + "' to '" + destination.string() + "'",
                       errno);
  };
  if (::ftruncate(to.get(), size) != 0)
    failed();
  for_each_piece(from, size, [&](off_t offset, off_t length) {
    off_t read_at = offset;
    off_t write_at = offset;
    while (length > 0) {
      const ssize_t copied = ::copy_file_range(from.get(), &read_at, to.get(), &write_at,
                                               static_cast<std::size_t>(length), 0);
      if (copied <= 0)
        failed();
      length -= copied;
    }
  });
}

void punch_zero_pages(const fs::path& path) {
  const FileDescriptor file = open_file(path, O_RDWR);
  std::vector<char> buffer(k_chunk);
  for_each_piece(file, size_of(file, path), [&](off_t offset, off_t length) {
    const ssize_t count =
        ::pread(file.get(), buffer.data(), static_cast<std::size_t>(length), offset);
    if (count < 0)
      throw system_error("cannot read '" + path.string() + "'", errno);
    off_t first = 0;
    // One hole for each run of zero pages.
    for (off_t page = 0; page <= count; page += k_page) {
      const off_t page_length = std::min<off_t>(k_page, count - page);
      if (page < count && all_zero(buffer.data() + page, page_length))
        continue;
      if (page > first)
        ::fallocate(file.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset + first,
                    page - first);
      first = page + k_page;
    }
  });
}

}  // namespace nestbox::qemu
