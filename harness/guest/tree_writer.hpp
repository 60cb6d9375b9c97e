#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "harness/base/scope.hpp"
#include "harness/guest/directory_cursor.hpp"

/// A tree stream is how file trees travel: records without padding, integers little-endian.
///   'd' mode:u32 path                      a directory
///   'l' mode:u32 path target               a symlink
///   'f' mode:u32 path, then extents        a file: offset:u64 length:u32 bytes; length 0 ends it,
///   offset = its size 'e'                                    the end
/// where path and target are length:u32 (at most 4096) and bytes. Holes of a file are the gaps
/// between extents.
namespace nestbox {

constexpr std::uint32_t k_max_tree_path = 4096;

struct TreeLimits {
  std::uint64_t bytes = UINT64_MAX;  ///< of file content, holes not counted
  std::uint32_t entries = UINT32_MAX;
};

/// Which mode bits a writer keeps.
enum class TreeModes {
  exact,  ///< all twelve, as they come; the process must have no umask
  owned,  ///< the nine permissions, and always enough of them that the owner can read and remove
};

/// Writes a tree stream, arriving in pieces of any size, below one directory. Nothing lands outside
/// it: names are checked and no symlink is followed. What is in the way of a file or symlink is
/// replaced, a directory is kept.
class TreeWriter {
public:
  TreeWriter(FileDescriptor root, TreeModes modes, TreeLimits limits)
      : m_cursor(std::move(root), DirectoryCursor::Missing::create), m_modes(modes),
        m_limits(limits) {}

  /// False when the stream is unsound, a limit is exceeded or the kernel refuses: `error` then says
  /// why.
  bool write(std::string_view piece);

  /// The end record has come.
  bool finished() const noexcept { return m_state == State::finished; }
  const std::string& error() const noexcept { return m_error; }
  /// The error is an exceeded limit or an unsound stream, not the kernel's.
  bool refused() const noexcept { return m_refused; }

private:
  enum class State { record, extent, data, finished };

  std::size_t parse(std::string_view bytes);
  std::size_t parse_record(std::string_view bytes);
  std::size_t parse_extent(std::string_view bytes);
  bool take_data(std::string_view& piece);
  bool make_directory(std::string_view path, std::uint32_t mode);
  bool make_symlink(std::string_view path, std::string target);
  bool open_file(std::string_view path, std::uint32_t mode);
  bool close_file(std::uint64_t size);
  bool replace_failed(int directory, const std::string& name);
  bool fail(std::string text);
  bool system_failure(std::string_view path, int error_number);

  DirectoryCursor m_cursor;
  TreeModes m_modes;
  TreeLimits m_limits;
  State m_state = State::record;
  std::string m_pending;
  FileDescriptor m_file;
  std::string m_file_path;
  std::uint64_t m_file_end = 0;
  std::uint64_t m_offset = 0;
  std::uint32_t m_extent_left = 0;
  std::string m_error;
  bool m_refused = false;
};

}  // namespace nestbox
