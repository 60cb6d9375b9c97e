#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.hpp"
#include "harness/base/scope.hpp"
#include "harness/base/units.hpp"

namespace nestbox {

namespace fs = std::filesystem;

/// open(2), close-on-exec; `mode` is that of a file it makes. Throws Error(io).
FileDescriptor open_file(const fs::path& path, int flags, mode_t mode = 0600);

/// One more descriptor of the same open file, close-on-exec. Throws Error(io).
FileDescriptor duplicate(int descriptor);

/// The whole file, refused with Error(io) when larger than `limit`.
std::string read_file(const fs::path& path, Bytes limit = mebibytes(64));

/// Writes all of it to an open file; `path` is for the message of Error(io).
void write_all(const FileDescriptor& file, std::string_view content, const fs::path& path);

/// Written beside, fsynced and renamed: a reader sees the old content or the new, never a part.
/// Throws Error(io).
void write_file_atomically(const fs::path& path, std::string_view content);

/// fsyncs every file below `staging`, renames it to `destination`, fsyncs the parent. False (and
/// `staging` untouched) when `destination` exists already: somebody else published first.
bool publish_directory(const fs::path& staging, const fs::path& destination);

/// Removes a tree however its permissions were set; never follows a symlink out of it. Best effort,
/// never throws.
void remove_tree(const fs::path& root) noexcept;

/// `relative` below `root`, or nothing when it is absolute, empty, or has a `..` that leaves the
/// root.
std::optional<fs::path> path_beneath(const fs::path& root, std::string_view relative);

/// A directory of our own below the system's temporary one, mode 0700, removed with the object.
class TemporaryDirectory {
public:
  explicit TemporaryDirectory(std::string_view prefix = "nestbox");
  TemporaryDirectory(TemporaryDirectory&& other) noexcept;
  TemporaryDirectory& operator=(TemporaryDirectory&&) = delete;
  ~TemporaryDirectory();

  const fs::path& path() const noexcept { return m_path; }

  /// Those of this user whose process was killed, sorted. Never throws.
  static std::vector<fs::path> abandoned() noexcept;

private:
  fs::path m_path;        ///< empty: moved from
  FileDescriptor m_lock;  ///< on the directory: somebody uses it
};

/// An advisory lock on a file (flock), freed with the object, also by kill -9. The file is made
/// when absent.
class FileLock {
public:
  enum class Mode { shared, exclusive };

  /// Blocks until it is ours.
  static FileLock acquire(const fs::path& path, Mode mode);
  /// Nothing when somebody else holds it.
  static std::optional<FileLock> try_acquire(const fs::path& path, Mode mode);

private:
  explicit FileLock(FileDescriptor file) : m_file(std::move(file)) {}
  FileDescriptor m_file;
};

/// $XDG_CACHE_HOME/nestbox, or ~/.cache/nestbox; made when absent.
fs::path cache_directory();
/// $XDG_STATE_HOME/nestbox, or ~/.local/state/nestbox: where run directories live; made when
/// absent.
fs::path state_directory();

}  // namespace nestbox
