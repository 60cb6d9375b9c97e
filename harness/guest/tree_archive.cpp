#include "harness/guest/tree_archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "harness/base/error.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/log.hpp"
#include "harness/base/tar_writer.hpp"
#include "harness/base/text.hpp"
#include "harness/guest/directory_cursor.hpp"
#include "harness/guest/tree_records.hpp"

namespace nestbox {
namespace {

constexpr std::size_t k_block = std::size_t{1} << 20;
constexpr std::size_t k_piece = 32 * 1024;

using Reader = std::unique_ptr<archive, decltype([](archive* a) { archive_read_free(a); })>;

FileDescriptor open_directory(const fs::path& path) {
  FileDescriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory)
    throw system_error("cannot open '" + path.string() + "'", errno);
  return directory;
}

void send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno != EINTR)
      throw Error(ErrorCode::lost, "nobody takes the files any more");
    bytes.remove_prefix(count < 0 ? 0 : static_cast<std::size_t>(count));
  }
}

void pack_entry(DirectoryCursor& cursor, const std::string& path, TarWriter& writer) {
  const auto cannot = [&](const std::string& why) {
    return Error(ErrorCode::io, "cannot read '" + printable(path) + "': " + why);
  };
  if (!is_inside_path(path))
    throw Error(ErrorCode::io,
                "cannot copy '" + printable(path) + "': it is no path inside the tree");
  const SplitPath split = split_path(path);
  const int directory = cursor.enter(split.directory);
  if (directory < 0)
    throw cannot(strerrordesc_np(-directory));
  const std::string name(split.name);
  struct stat status {};
  if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
    throw cannot(strerrordesc_np(errno));
  if (S_ISDIR(status.st_mode))
    return writer.directory(path);
  if (S_ISLNK(status.st_mode)) {
    std::array<char, k_max_tree_path> target;
    const ssize_t length = ::readlinkat(directory, name.c_str(), target.data(), target.size());
    if (length <= 0)
      throw cannot("its target cannot be read");
    return writer.symlink(path, {target.data(), static_cast<std::size_t>(length)});
  }
  const FileDescriptor file(
      ::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!S_ISREG(status.st_mode) || !file)
    throw cannot(S_ISREG(status.st_mode) ? strerrordesc_np(errno)
                                         : "it is neither file, directory nor symlink");
  writer.host_file(path, "/proc/self/fd/" + std::to_string(file.get()), status.st_mode & 0777);
}

/// Turns the entries of an archive into a tree stream.
class Unpacker {
public:
  Unpacker(const fs::path& path, std::string name, const fs::path& destination, TreeLimits limits)
      : m_name(std::move(name)), m_writer(open_directory(destination), TreeModes::owned, limits) {
    check(archive_read_support_format_tar(m_reader.get()));
    check(archive_read_open_filename(m_reader.get(), path.c_str(), k_block));
  }

  void run(const CancelToken& cancel) {
    archive_entry* entry = nullptr;
    int code;
    while ((code = archive_read_next_header(m_reader.get(), &entry)) != ARCHIVE_EOF) {
      cancel.throw_if_cancelled();
      check(code);
      unpack(entry);
    }
    write(std::string(1, k_tree_end));
  }

private:
  void check(int code) const {
    if (code >= ARCHIVE_WARN)
      return;
    const char* why = archive_error_string(m_reader.get());
    throw Error(ErrorCode::corrupt,
                "what came from the machine is no sound archive: " + printable(why ? why : ""));
  }

  void write(std::string_view bytes) {
    if (!m_writer.write(bytes))
      throw Error(m_writer.refused() ? ErrorCode::corrupt : ErrorCode::io, m_writer.error())
          .during("copying '" + m_name + "' from the machine");
  }

  /// Where it goes below the destination; empty for the directory that was asked for itself.
  std::string place_of(archive_entry* entry) {
    // As it came: where it is not ASCII, that is UTF-8, which a C locale could not convert.
    const char* const text = archive_entry_pathname(entry);
    std::string path = text ? text : "";
    while (path.starts_with("./"))
      path.erase(0, 2);
    while (path.ends_with('/'))
      path.pop_back();
    if (path == m_name) {
      m_directory = archive_entry_filetype(entry) == AE_IFDIR;
      return m_directory ? "" : path;
    }
    if (!m_directory || !path.starts_with(m_name + '/'))
      throw Error(ErrorCode::corrupt,
                  "the machine sent '" + printable(path) + "', which nobody asked for");
    return path.substr(m_name.size() + 1);
  }

  void unpack(archive_entry* entry) {
    const std::string path = place_of(entry);
    if (path.empty())
      return;
    const mode_t mode = archive_entry_perm(entry) & 0777;
    if (archive_entry_hardlink(entry))
      return log(LogLevel::warning, "'" + printable(path)
                                        + "' is another name of a file of the machine, and is "
                                          "not copied from there");
    switch (archive_entry_filetype(entry)) {
    case AE_IFDIR:
      return write(tree_record('d', mode, path));
    case AE_IFLNK:
      if (const char* target = archive_entry_symlink(entry))
        write(tree_symlink(path, target));
      return;
    case AE_IFREG:
      write(tree_record('f', mode, path));
      return unpack_content();
    default:
      return;
    }
  }

  void unpack_content() {
    const void* block = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    std::uint64_t end = 0;
    int code;
    while ((code = archive_read_data_block(m_reader.get(), &block, &size, &offset))
           != ARCHIVE_EOF) {
      check(code);
      std::string_view bytes(static_cast<const char*>(block), size);
      end = static_cast<std::uint64_t>(offset);
      while (!bytes.empty()) {
        const std::string_view piece = bytes.substr(0, k_piece);
        write(tree_extent(end, static_cast<std::uint32_t>(piece.size())));
        write(piece);
        end += piece.size();
        bytes.remove_prefix(piece.size());
      }
    }
    write(tree_extent(end, 0));
  }

  const std::string m_name;
  Reader m_reader{archive_read_new()};
  TreeWriter m_writer;
  bool m_directory = false;  ///< what was asked for is one
};

}  // namespace

void pack_tree(const fs::path& root, const std::vector<std::string>& files, int socket) {
  DirectoryCursor cursor(open_directory(root), DirectoryCursor::Missing::fail);
  TarWriter writer([&](std::string_view bytes) { send_all(socket, bytes); });
  for (const std::string& file : files)
    pack_entry(cursor, file, writer);
  writer.finish();
}

void unpack_tree(const fs::path& archive, const std::string& name, const fs::path& destination,
                 TreeLimits limits, const CancelToken& cancel) {
  std::error_code failure;
  fs::create_directories(destination, failure);
  if (failure)
    throw system_error("cannot make '" + destination.string() + "'", failure.value());
  Unpacker(archive, name, destination, limits).run(cancel);
}

}  // namespace nestbox
