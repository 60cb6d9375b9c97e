#include "harness/base/tar_writer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "harness/base/error.hpp"
#include "harness/base/scope.hpp"

namespace nestbox {
namespace {

constexpr std::size_t k_block = 512;
constexpr std::size_t k_name_size = 100;
constexpr std::uint64_t k_octal_limit = std::uint64_t{1} << 33;

struct Header {
  char name[k_name_size];
  char mode[8];
  char user[8];
  char group[8];
  char size[12];
  char time[12];
  char checksum[8];
  char type;
  char target[k_name_size];
  char magic[8];
  char rest[247];
};
static_assert(sizeof(Header) == k_block);

template <std::size_t Size>
void put(char (&field)[Size], std::string_view text) {
  std::memcpy(field, text.data(), std::min(text.size(), Size));
}

template <std::size_t Size>
void put_octal(char (&field)[Size], std::uint64_t number) {
  put(field, fmt::format("{:0{}o}", number, Size - 1));
}

/// Sizes of 8 GiB and more are written in binary.
void put_size(Header& header, std::uint64_t size) {
  if (size < k_octal_limit)
    return put_octal(header.size, size);
  header.size[0] = static_cast<char>(0x80);
  for (std::size_t i = sizeof header.size - 1; i >= 4; --i, size >>= 8)
    header.size[i] = static_cast<char>(size & 0xFF);
}

}  // namespace

void TarWriter::header(char type, const std::string& name, std::uint64_t size, unsigned mode,
                       const std::string& target) {
  if (name.size() > k_name_size)
    long_text('L', name);
  if (target.size() > k_name_size)
    long_text('K', target);
  Header header{};
  put(header.name, name);
  put_octal(header.mode, mode);
  put_octal(header.user, 0);
  put_octal(header.group, 0);
  put_size(header, size);
  put_octal(header.time, 0);
  put(header.checksum, "        ");
  header.type = type;
  put(header.target, target);
  put(header.magic, std::string_view("ustar  \0", 8));
  std::array<unsigned char, k_block> bytes;
  std::memcpy(bytes.data(), &header, k_block);
  unsigned sum = 0;
  for (const unsigned char byte : bytes)
    sum += byte;
  put(header.checksum, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
  m_sink({reinterpret_cast<const char*>(&header), k_block});
}

void TarWriter::long_text(char type, const std::string& text) {
  header(type, "././@LongLink", text.size() + 1, 0644);
  m_sink({text.c_str(), text.size() + 1});
  pad(text.size() + 1);
}

void TarWriter::pad(std::uint64_t size) {
  static constexpr std::array<char, k_block> k_zeros{};
  m_sink({k_zeros.data(), (k_block - size % k_block) % k_block});
}

void TarWriter::directory(const std::string& name, unsigned mode) {
  header('5', name.ends_with('/') ? name : name + '/', 0, mode);
}

void TarWriter::file(const std::string& name, std::string_view content, unsigned mode) {
  header('0', name, content.size(), mode);
  m_sink(content);
  pad(content.size());
}

void TarWriter::symlink(const std::string& name, const std::string& target) {
  header('2', name, 0, 0777, target);
}

void TarWriter::host_file(const std::string& name, const std::filesystem::path& source,
                          unsigned mode) {
  const FileDescriptor file(::open(source.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0)
    throw system_error("cannot read '" + source.string() + "'", errno);
  const auto size = static_cast<std::uint64_t>(status.st_size);
  header('0', name, size, mode);
  std::array<char, 64 * 1024> buffer;
  for (std::uint64_t left = size; left > 0;) {
    const ssize_t count =
        ::read(file.get(), buffer.data(), std::min<std::uint64_t>(left, buffer.size()));
    if (count < 0)
      throw system_error("cannot read '" + source.string() + "'", errno);
    if (count == 0)
      throw Error(ErrorCode::io, "'" + source.string() + "' shrank while it was read");
    m_sink({buffer.data(), static_cast<std::size_t>(count)});
    left -= static_cast<std::uint64_t>(count);
  }
  pad(size);
}

void TarWriter::finish() {
  static constexpr std::array<char, 2 * k_block> k_end{};
  m_sink({k_end.data(), k_end.size()});
}

}  // namespace nestbox
