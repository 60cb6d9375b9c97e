#include "harness/env/layer_archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <set>

#include "harness/base/text.hpp"

namespace nestbox {
namespace {

using Entry =
    std::unique_ptr<archive_entry, decltype([](archive_entry* e) { archive_entry_free(e); })>;
using Writer = std::unique_ptr<archive, decltype([](archive* a) { archive_write_free(a); })>;
using Reader = std::unique_ptr<archive, decltype([](archive* a) { archive_read_free(a); })>;

constexpr std::size_t k_piece = 1 << 20;

void check(archive* handle, int code, ErrorCode kind, const fs::path& path) {
  if (code < ARCHIVE_WARN)
    throw Error(kind, fmt::format("archive '{}': {}", path.string(),
                                  printable(archive_error_string(handle))));
}

FileDescriptor open_or_throw(const fs::path& path, int flags) {
  FileDescriptor file(::open(path.c_str(), flags | O_CLOEXEC, 0644));
  if (!file)
    throw system_error(fmt::format("cannot open '{}'", path.string()), errno);
  return file;
}

/// Where the file has data, for the archive leaves out the rest.
void describe_holes(archive_entry* entry, int file, off_t size) {
  for (off_t position = 0; position < size;) {
    const off_t data = ::lseek(file, position, SEEK_DATA);
    if (data < 0) {
      // A hole up to the end; without any data the archive wants an empty piece there.
      archive_entry_sparse_add_entry(entry, size, 0);
      return;
    }
    const off_t hole = ::lseek(file, data, SEEK_HOLE);
    archive_entry_sparse_add_entry(entry, data, hole - data);
    position = hole;
  }
}

/// All of the file, holes as zeros: libarchive leaves out what describe_holes left out.
void write_content(archive* writer, int file, off_t size, const fs::path& path,
                   const CancelToken& cancel) {
  std::vector<char> buffer(k_piece);
  for (off_t position = 0; position < size;) {
    cancel.throw_if_cancelled();
    const auto wanted =
        static_cast<std::size_t>(std::min(static_cast<off_t>(buffer.size()), size - position));
    const ssize_t count = ::pread(file, buffer.data(), wanted, position);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      throw system_error(fmt::format("cannot read '{}'", path.string()), count < 0 ? errno : EIO);
    if (archive_write_data(writer, buffer.data(), static_cast<std::size_t>(count)) != count)
      check(writer, ARCHIVE_FATAL, ErrorCode::io, path);
    position += count;
  }
}

void pack_file(archive* writer, const fs::path& directory, const LayerManifest::File& file,
               const fs::path& archive_path, const CancelToken& cancel) {
  const fs::path path = directory / file.name;
  const FileDescriptor source = open_or_throw(path, O_RDONLY);
  struct stat status {};
  if (::fstat(source.get(), &status) != 0
      || static_cast<std::uint64_t>(status.st_size) != file.size.count)
    throw Error(ErrorCode::corrupt, fmt::format("'{}' is not what was published", file.name));
  const Entry entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), file.name.c_str());
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), status.st_mode & 0777);
  archive_entry_set_size(entry.get(), status.st_size);
  describe_holes(entry.get(), source.get(), status.st_size);
  check(writer, archive_write_header(writer, entry.get()), ErrorCode::io, archive_path);
  write_content(writer, source.get(), status.st_size, path, cancel);
}

void unpack_file(archive* reader, archive_entry* entry, const LayerManifest::File& wanted,
                 const fs::path& archive_path, const fs::path& directory,
                 const CancelToken& cancel) {
  const fs::path path = directory / wanted.name;
  fs::create_directories(path.parent_path());
  const FileDescriptor file = open_or_throw(path, O_WRONLY | O_CREAT | O_EXCL);
  const auto size = static_cast<off_t>(wanted.size.count);
  if (::ftruncate(file.get(), size) != 0)
    throw system_error(fmt::format("cannot write '{}'", path.string()), errno);
  while (true) {
    cancel.throw_if_cancelled();
    const void* bytes = nullptr;
    std::size_t count = 0;
    la_int64_t offset = 0;
    const int code = archive_read_data_block(reader, &bytes, &count, &offset);
    if (code == ARCHIVE_EOF)
      break;
    check(reader, code, ErrorCode::corrupt, archive_path);
    if (offset < 0 || offset > size || count > static_cast<std::size_t>(size - offset))
      throw Error(ErrorCode::corrupt, fmt::format("'{}' is larger than it should be", wanted.name));
    if (::lseek(file.get(), offset, SEEK_SET) != offset)
      throw system_error(fmt::format("cannot write '{}'", path.string()), errno);
    write_all(file, {static_cast<const char*>(bytes), count}, path);
  }
  if (::fchmod(file.get(), archive_entry_perm(entry) & 0777) != 0)
    throw system_error(fmt::format("cannot write '{}'", path.string()), errno);
}

}  // namespace

void pack_layer(const fs::path& directory, const LayerManifest& manifest, const fs::path& archive,
                const CancelToken& cancel) {
  const Writer writer(archive_write_new());
  check(writer.get(), archive_write_set_format_pax(writer.get()), ErrorCode::io, archive);
  check(writer.get(), archive_write_add_filter_zstd(writer.get()), ErrorCode::io, archive);
  check(writer.get(), archive_write_open_filename(writer.get(), archive.c_str()), ErrorCode::io,
        archive);
  for (const LayerManifest::File& file : manifest.files)
    pack_file(writer.get(), directory, file, archive, cancel);
  check(writer.get(), archive_write_close(writer.get()), ErrorCode::io, archive);
}

void unpack_layer(const fs::path& archive, const LayerManifest& manifest, const fs::path& directory,
                  const CancelToken& cancel) {
  const Reader reader(archive_read_new());
  check(reader.get(), archive_read_support_format_tar(reader.get()), ErrorCode::io, archive);
  check(reader.get(), archive_read_support_filter_zstd(reader.get()), ErrorCode::io, archive);
  check(reader.get(), archive_read_open_filename(reader.get(), archive.c_str(), k_piece),
        ErrorCode::corrupt, archive);
  std::set<std::string> seen;
  while (true) {
    archive_entry* entry = nullptr;
    const int code = archive_read_next_header(reader.get(), &entry);
    if (code == ARCHIVE_EOF)
      break;
    check(reader.get(), code, ErrorCode::corrupt, archive);
    const char* name = archive_entry_pathname(entry);
    const auto wanted = std::ranges::find(manifest.files, name ? name : "",
                                          [](const auto& file) { return file.name; });
    if (wanted == manifest.files.end() || archive_entry_filetype(entry) != AE_IFREG
        || !seen.insert(wanted->name).second)
      throw Error(ErrorCode::corrupt,
                  fmt::format("'{}' is no file of the layer", printable(name ? name : "")));
    unpack_file(reader.get(), entry, *wanted, archive, directory, cancel);
  }
  value_or_throw(verify_layer(directory, manifest));
}

}  // namespace nestbox
