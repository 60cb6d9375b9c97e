#include "harness/base/filesystem.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "harness/base/error.hpp"

namespace nestbox {

namespace {

std::string quoted(const fs::path& path) {
  return "'" + path.string() + "'";
}

void sync(const fs::path& path, int flags) {
  const FileDescriptor file = open_file(path, flags);
  if (::fsync(file.get()) != 0)
    throw system_error("cannot sync " + quoted(path), errno);
}

void sync_directory(const fs::path& path) {
  sync(path.empty() ? "." : path, O_RDONLY | O_DIRECTORY);
}

fs::path made(const fs::path& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error)
    throw system_error("cannot make directory " + quoted(directory), error.value());
  return directory;
}

fs::path home_directory() {
  if (const char* home = std::getenv("HOME"); home && *home == '/')
    return home;
  passwd entry;
  passwd* found = nullptr;
  std::vector<char> buffer(16384);
  if (::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found) != 0 || !found)
    throw Error(ErrorCode::io, "cannot tell your home directory", "set HOME");
  return found->pw_dir;
}

// The XDG base directory specification: a relative path in such a variable counts as none.
fs::path user_directory(const char* variable, const fs::path& fallback) {
  const char* value = std::getenv(variable);
  const fs::path base = value && *value == '/' ? fs::path(value) : home_directory() / fallback;
  return made(base / "nestbox");
}

}  // namespace

FileDescriptor open_file(const fs::path& path, int flags, mode_t mode) {
  FileDescriptor file(::open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!file)
    throw system_error("cannot open " + quoted(path), errno);
  return file;
}

FileDescriptor duplicate(int descriptor) {
  FileDescriptor copy(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
  if (!copy)
    throw system_error("cannot duplicate a descriptor", errno);
  return copy;
}

void write_all(const FileDescriptor& file, std::string_view content, const fs::path& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(file.get(), content.data(), content.size());
    if (written < 0 && errno != EINTR)
      throw system_error("cannot write " + quoted(path), errno);
    content.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
  }
}

std::string read_file(const fs::path& path, Bytes limit) {
  const FileDescriptor file = open_file(path, O_RDONLY);
  std::string content;
  // The size that stat(2) tells is not believed: files of /proc have none.
  for (std::size_t size = 0;;) {
    content.resize(std::max<std::size_t>(4096, size * 2));
    const ssize_t got = ::read(file.get(), content.data() + size, content.size() - size);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      throw system_error("cannot read " + quoted(path), errno);
    size += static_cast<std::size_t>(got);
    if (size > limit.count)
      throw Error(ErrorCode::io,
                  quoted(path) + " is larger than " + format_bytes(limit) + ", the most allowed");
    if (got == 0) {
      content.resize(size);
      return content;
    }
  }
}

void write_file_atomically(const fs::path& path, std::string_view content) {
  std::string staging = (path.parent_path() / ".nestbox-XXXXXX").string();
  const FileDescriptor file(::mkostemp(staging.data(), O_CLOEXEC));
  if (!file)
    throw system_error("cannot make a file beside " + quoted(path), errno);
  ScopeExit rollback([&] { ::unlink(staging.c_str()); });
  write_all(file, content, path);
  if (::fchmod(file.get(), 0644) != 0 || ::fsync(file.get()) != 0)
    throw system_error("cannot write " + quoted(path), errno);
  if (::rename(staging.c_str(), path.c_str()) != 0)
    throw system_error("cannot replace " + quoted(path), errno);
  rollback.dismiss();
  sync_directory(path.parent_path());
}

bool publish_directory(const fs::path& staging, const fs::path& destination) {
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(staging)) {
    const fs::file_type type = entry.symlink_status().type();
    if (type == fs::file_type::regular || type == fs::file_type::directory)
      sync(entry.path(), O_RDONLY | O_NOFOLLOW);
  }
  sync_directory(staging);
  const char* from = staging.c_str();
  const char* to = destination.c_str();
  int result = ::renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
  // NFS and the like cannot promise not to replace; there a rename onto a directory that holds
  // something fails too.
  if (result != 0 && errno == EINVAL)
    result = ::rename(from, to);
  if (result != 0 && (errno == EEXIST || errno == ENOTEMPTY))
    return false;
  if (result != 0)
    throw system_error("cannot publish " + quoted(destination), errno);
  sync_directory(destination.parent_path());
  return true;
}

std::optional<fs::path> path_beneath(const fs::path& root, std::string_view relative) {
  if (relative.empty() || relative.find('\0') != relative.npos)
    return std::nullopt;
  const fs::path normal = fs::path(relative).lexically_normal();
  if (normal.is_absolute() || *normal.begin() == "..")
    return std::nullopt;
  return root / normal;
}

namespace {

constexpr std::string_view k_temporary_prefix = "nestbox";
/// Of a directory that is not locked yet, as it may be for a moment.
constexpr std::string_view k_newborn_prefix = ".nestbox-new-";
constexpr time_t k_newborn_age = 60;  // seconds

FileDescriptor open_directory(const fs::path& path) {
  return FileDescriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

bool is_abandoned(const fs::path& path) {
  const std::string name = path.filename();
  const bool newborn = name.starts_with(k_newborn_prefix);
  if (!newborn && !name.starts_with(k_temporary_prefix))
    return false;
  struct stat status {};
  const FileDescriptor directory = open_directory(path);
  return directory && ::fstat(directory.get(), &status) == 0 && status.st_uid == ::geteuid()
         && (status.st_mode & ALLPERMS) == S_IRWXU
         && (!newborn || ::time(nullptr) - status.st_ctime > k_newborn_age)
         && ::flock(directory.get(), LOCK_EX | LOCK_NB) == 0;
}

}  // namespace

TemporaryDirectory::TemporaryDirectory(std::string_view prefix) {
  const fs::path parent = fs::temp_directory_path();
  std::string newborn = (parent / k_newborn_prefix).string() + "XXXXXX";
  if (!::mkdtemp(newborn.data()))
    throw system_error("cannot make a temporary directory '" + newborn + "'", errno);
  m_lock = open_directory(newborn);
  const std::string suffix = newborn.substr(newborn.size() - 6);
  m_path = parent / (std::string(prefix) + "-" + suffix);
  // The lock comes along. From then on who finds it without one knows that its process is gone.
  if (!m_lock || ::flock(m_lock.get(), LOCK_SH) != 0
      || ::renameat2(AT_FDCWD, newborn.c_str(), AT_FDCWD, m_path.c_str(), RENAME_NOREPLACE) != 0) {
    const int reason = errno;
    ::rmdir(newborn.c_str());
    throw system_error("cannot make a temporary directory " + quoted(m_path), reason);
  }
}

TemporaryDirectory::TemporaryDirectory(TemporaryDirectory&& other) noexcept
    : m_path(std::exchange(other.m_path, {})), m_lock(std::move(other.m_lock)) {}

TemporaryDirectory::~TemporaryDirectory() {
  if (!m_path.empty())
    remove_tree(m_path);
}

std::vector<fs::path> TemporaryDirectory::abandoned() noexcept {
  std::vector<fs::path> found;
  std::error_code error;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(fs::temp_directory_path(error), error))
    if (is_abandoned(entry.path()))
      found.push_back(entry.path());
  std::ranges::sort(found);
  return found;
}

namespace {

// The locked file; none when another holder has it and `operation` does not wait. Looks again when
// the file was removed or replaced meanwhile, for a lock on a file that nobody can find excludes
// nobody.
FileDescriptor lock_file(const fs::path& path, int operation) {
  while (true) {
    FileDescriptor file = open_file(path, O_RDWR | O_CREAT, 0644);
    while (::flock(file.get(), operation) != 0) {
      if (errno == EWOULDBLOCK)
        return {};
      if (errno != EINTR)
        throw system_error("cannot lock " + quoted(path), errno);
    }
    struct stat locked, named;
    if (::fstat(file.get(), &locked) == 0 && ::stat(path.c_str(), &named) == 0
        && locked.st_ino == named.st_ino && locked.st_dev == named.st_dev)
      return file;
  }
}

int flock_operation(FileLock::Mode mode) {
  return mode == FileLock::Mode::shared ? LOCK_SH : LOCK_EX;
}

}  // namespace

FileLock FileLock::acquire(const fs::path& path, Mode mode) {
  return FileLock(lock_file(path, flock_operation(mode)));
}

std::optional<FileLock> FileLock::try_acquire(const fs::path& path, Mode mode) {
  FileDescriptor file = lock_file(path, flock_operation(mode) | LOCK_NB);
  if (!file)
    return std::nullopt;
  return FileLock(std::move(file));
}

fs::path cache_directory() {
  return user_directory("XDG_CACHE_HOME", ".cache");
}

fs::path state_directory() {
  return user_directory("XDG_STATE_HOME", ".local/state");
}

}  // namespace nestbox
