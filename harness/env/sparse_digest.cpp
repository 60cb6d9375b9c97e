#include "harness/env/sparse_digest.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "harness/base/error.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/scope.hpp"

namespace nestbox {
namespace {

constexpr off_t k_block = 64 << 10;
constexpr off_t k_buffer = 64 * k_block;

bool all_zeros(const char* bytes, std::size_t size) {
  return size == 0 || (bytes[0] == 0 && std::memcmp(bytes, bytes + 1, size - 1) == 0);
}

}  // namespace

std::string sparse_digest(const std::filesystem::path& path) {
  const auto failed = [&] {
    return system_error(fmt::format("cannot read '{}'", path.string()), errno);
  };
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0)
    throw failed();
  Sha256 hash;
  hash.field("size", std::to_string(status.st_size));
  std::vector<char> buffer(static_cast<std::size_t>(k_buffer));
  for (off_t position = 0; position < status.st_size;) {
    const off_t data = ::lseek(file.get(), position, SEEK_DATA);
    if (data < 0 && errno == ENXIO)
      break;
    if (data > position)
      position = data - data % k_block;
    const ssize_t count = ::pread(file.get(), buffer.data(), buffer.size(), position);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      throw failed();
    if (count == 0)
      break;
    // A short read in the middle of a block must not shift the blocks after it.
    const off_t end = position + count;
    const off_t whole = end >= status.st_size ? end : end - end % k_block;
    if (whole <= position)
      throw Error(ErrorCode::io,
                  fmt::format("cannot read '{}': too few bytes at a time", path.string()));
    for (off_t start = position; start < whole; start += k_block) {
      const char* bytes = buffer.data() + (start - position);
      const auto size = static_cast<std::size_t>(std::min(k_block, whole - start));
      if (!all_zeros(bytes, size))
        hash.field(std::to_string(start), std::string_view(bytes, size));
    }
    position = whole;
  }
  return hash.hex();
}

}  // namespace nestbox
