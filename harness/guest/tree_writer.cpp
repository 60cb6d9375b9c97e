#include "harness/guest/tree_writer.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "harness/guest/payload.hpp"

namespace nestbox {

namespace {

/// No record or extent header is longer: type, mode, two lengths and two paths.
constexpr std::size_t k_max_header = 13 + 2 * k_max_tree_path;
constexpr std::size_t k_extent_header = 12;
constexpr std::uint64_t k_max_file_size = std::uint64_t{1} << 60;

}  // namespace

bool TreeWriter::fail(std::string text) {
  m_error = std::move(text);
  m_refused = true;
  return false;
}

bool TreeWriter::system_failure(std::string_view path, int error_number) {
  m_error = "cannot write '" + std::string(path) + "': " + strerrordesc_np(error_number);
  return false;
}

bool TreeWriter::write(std::string_view piece) {
  while (m_error.empty() && !piece.empty()) {
    if (m_state == State::finished)
      return fail("a tree goes on after its end");
    if (m_state == State::data) {
      take_data(piece);
      continue;
    }
    if (m_pending.empty()) {
      const std::size_t consumed = parse(piece);
      if (consumed == 0 && m_error.empty())
        m_pending = piece;
      piece.remove_prefix(consumed == 0 ? piece.size() : consumed);
      continue;
    }
    const std::size_t before = m_pending.size();
    m_pending.append(piece.substr(0, k_max_header));
    const std::size_t consumed = parse(m_pending);
    if (consumed == 0) {
      piece = {};
    } else {
      piece.remove_prefix(consumed - before);
      m_pending.clear();
    }
  }
  return m_error.empty();
}

/// Bytes taken; 0 when more are needed or `m_error` is set.
std::size_t TreeWriter::parse(std::string_view bytes) {
  return m_state == State::extent ? parse_extent(bytes) : parse_record(bytes);
}

std::size_t TreeWriter::parse_record(std::string_view bytes) {
  PayloadReader reader(bytes);
  const auto type = reader.integer<char>();
  if (type == 'e') {
    m_state = State::finished;
    return 1;
  }
  if (type != 'd' && type != 'l' && type != 'f')
    return fail("a tree holds a record of unknown type");
  const auto mode = reader.integer<std::uint32_t>();
  // A length is judged before its bytes are awaited, or a false one would be awaited for ever.
  for (std::size_t at = 5, i = 0; i < (type == 'l' ? 2u : 1u) && at + 4 <= bytes.size(); ++i) {
    std::uint32_t length;
    std::memcpy(&length, bytes.data() + at, sizeof length);
    if (length == 0 || length > k_max_tree_path)
      return fail("a tree holds a path of " + std::to_string(length) + " bytes");
    at += 4 + length;
  }
  const std::string_view path = reader.string();
  const std::string_view target = type == 'l' ? reader.string() : std::string_view();
  if (!reader.sound())
    return 0;
  if (!is_inside_path(path))
    return fail("a tree holds '" + std::string(path) + "', which is no path inside it");
  if (m_limits.entries-- == 0) {
    m_limits.entries = 0;
    return fail("a tree holds more entries than allowed");
  }
  const bool made = type == 'd'   ? make_directory(path, mode)
                    : type == 'l' ? make_symlink(path, std::string(target))
                                  : open_file(path, mode);
  return made ? bytes.size() - reader.left() : 0;
}

std::size_t TreeWriter::parse_extent(std::string_view bytes) {
  PayloadReader reader(bytes);
  m_offset = reader.integer<std::uint64_t>();
  m_extent_left = reader.integer<std::uint32_t>();
  if (!reader.sound())
    return 0;
  if (m_offset > k_max_file_size || m_offset < m_file_end)
    return fail("a tree holds a file '" + m_file_path + "' whose parts are in disorder");
  if (m_extent_left == 0)
    return close_file(m_offset) ? k_extent_header : 0;
  if (m_extent_left > m_limits.bytes)
    return fail("a tree holds more bytes than allowed");
  m_limits.bytes -= m_extent_left;
  m_state = State::data;
  return k_extent_header;
}

bool TreeWriter::take_data(std::string_view& piece) {
  const std::size_t wanted = std::min<std::size_t>(piece.size(), m_extent_left);
  const ssize_t written = pwrite(m_file.get(), piece.data(), wanted, static_cast<off_t>(m_offset));
  if (written < 0)
    return errno == EINTR || system_failure(m_file_path, errno);
  const auto count = static_cast<std::size_t>(written);
  piece.remove_prefix(count);
  m_offset += count;
  m_file_end = m_offset;
  m_extent_left -= static_cast<std::uint32_t>(count);
  if (m_extent_left == 0)
    m_state = State::extent;
  return true;
}

bool TreeWriter::make_directory(std::string_view path, std::uint32_t mode) {
  const int directory = m_cursor.enter(path);
  if (directory < 0)
    return system_failure(path, -directory);
  const mode_t wanted = m_modes == TreeModes::exact ? mode & 07777 : (mode & 0777) | 0700;
  return fchmod(directory, wanted) == 0 || system_failure(path, errno);
}

/// Makes room for `name` after EEXIST; false when that failed, with errno set.
bool TreeWriter::replace_failed(int directory, const std::string& name) {
  return errno != EEXIST || unlinkat(directory, name.c_str(), 0) != 0;
}

bool TreeWriter::make_symlink(std::string_view path, std::string target) {
  const SplitPath split = split_path(path);
  const int directory = m_cursor.enter(split.directory);
  if (directory < 0)
    return system_failure(path, -directory);
  const std::string name(split.name);
  while (symlinkat(target.c_str(), directory, name.c_str()) != 0)
    if (replace_failed(directory, name))
      return system_failure(path, errno);
  return true;
}

bool TreeWriter::open_file(std::string_view path, std::uint32_t mode) {
  const SplitPath split = split_path(path);
  const int directory = m_cursor.enter(split.directory);
  if (directory < 0)
    return system_failure(path, -directory);
  const std::string name(split.name);
  const mode_t wanted = m_modes == TreeModes::exact ? mode & 07777 : (mode & 0777) | 0600;
  constexpr int k_flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  while (!(m_file = FileDescriptor(openat(directory, name.c_str(), k_flags, wanted))))
    if (replace_failed(directory, name))
      return system_failure(path, errno);
  m_file_path = path;
  m_file_end = 0;
  m_state = State::extent;
  // The agent has no umask, which saves it a call for each file.
  if (m_modes == TreeModes::exact)
    return true;
  return fchmod(m_file.get(), wanted) == 0 || system_failure(path, errno);
}

bool TreeWriter::close_file(std::uint64_t size) {
  if (size != m_file_end && ftruncate(m_file.get(), static_cast<off_t>(size)) != 0)
    return system_failure(m_file_path, errno);
  m_file.close();
  m_state = State::record;
  return true;
}

}  // namespace nestbox
