#include "harness/env/archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "harness/base/error.hpp"

namespace nestbox {
namespace {

using Entry =
    std::unique_ptr<archive_entry, decltype([](archive_entry* e) { archive_entry_free(e); })>;
using Writer = std::unique_ptr<archive, decltype([](archive* a) { archive_write_free(a); })>;
using Reader = std::unique_ptr<archive, decltype([](archive* a) { archive_read_free(a); })>;

void check(archive* handle, int code, ErrorCode kind, const std::filesystem::path& path) {
  if (code < ARCHIVE_WARN)
    throw Error(kind, fmt::format("archive '{}': {}", path.string(), archive_error_string(handle)));
}

/// An archive being written.
struct Output {
  std::filesystem::path path;
  Writer writer;

  void add(const std::string& name, mode_t type, unsigned mode, std::string_view content,
           const char* target) const {
    const Entry entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_filetype(entry.get(), type);
    archive_entry_set_perm(entry.get(), static_cast<mode_t>(mode));
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
    if (target)
      archive_entry_set_symlink(entry.get(), target);
    require(archive_write_header(writer.get(), entry.get()));
    if (!content.empty()
        && archive_write_data(writer.get(), content.data(), content.size())
               != static_cast<la_ssize_t>(content.size()))
      require(ARCHIVE_FATAL);
  }

  void require(int code) const { check(writer.get(), code, ErrorCode::io, path); }
};

}  // namespace

struct CpioWriter::State : Output {};

CpioWriter::CpioWriter(const std::filesystem::path& path)
    : m_state(std::make_unique<State>(State{{path, Writer(archive_write_new())}})) {
  archive* writer = m_state->writer.get();
  m_state->require(archive_write_set_format_cpio_newc(writer));
  m_state->require(archive_write_open_filename(writer, path.c_str()));
}

CpioWriter::~CpioWriter() = default;

void CpioWriter::directory(const std::string& name, unsigned mode) {
  m_state->add(name, AE_IFDIR, mode, {}, nullptr);
}

void CpioWriter::file(const std::string& name, std::string_view content, unsigned mode) {
  m_state->add(name, AE_IFREG, mode, content, nullptr);
}

void CpioWriter::symlink(const std::string& name, const std::string& target) {
  m_state->add(name, AE_IFLNK, 0777, {}, target.c_str());
}

void CpioWriter::finish() {
  m_state->require(archive_write_close(m_state->writer.get()));
}

void write_iso(const std::filesystem::path& path, const std::string& label,
               const std::vector<IsoFile>& files) {
  const Output image{path, Writer(archive_write_new())};
  archive* writer = image.writer.get();
  image.require(archive_write_set_format_iso9660(writer));
  image.require(archive_write_set_format_option(writer, "iso9660", "volume-id", label.c_str()));
  image.require(archive_write_open_filename(writer, path.c_str()));
  for (const IsoFile& file : files)
    image.add(file.name, AE_IFREG, file.mode, file.content, nullptr);
  image.require(archive_write_close(writer));
}

void read_tar(const std::filesystem::path& path, Bytes limit,
              const std::function<bool(const std::string& name)>& wanted,
              const std::function<void(const std::string& name, std::string_view content)>& visit) {
  const Reader reader(archive_read_new());
  check(reader.get(), archive_read_support_format_tar(reader.get()), ErrorCode::io, path);
  check(reader.get(), archive_read_open_filename(reader.get(), path.c_str(), 1 << 20),
        ErrorCode::io, path);
  archive_entry* entry = nullptr;
  std::string content;
  while (true) {
    const int code = archive_read_next_header(reader.get(), &entry);
    if (code == ARCHIVE_EOF)
      return;
    check(reader.get(), code, ErrorCode::corrupt, path);
    const char* name = archive_entry_pathname(entry);
    if (!name || archive_entry_filetype(entry) != AE_IFREG || !wanted(name))
      continue;
    if (archive_entry_size(entry) < 0
        || static_cast<std::uint64_t>(archive_entry_size(entry)) > limit.count)
      throw Error(ErrorCode::corrupt,
                  fmt::format("'{}' in '{}' is too large", name, path.string()));
    content.resize(static_cast<std::size_t>(archive_entry_size(entry)));
    if (archive_read_data(reader.get(), content.data(), content.size())
        != static_cast<la_ssize_t>(content.size()))
      check(reader.get(), ARCHIVE_FATAL, ErrorCode::corrupt, path);
    visit(name, content);
  }
}

}  // namespace nestbox
