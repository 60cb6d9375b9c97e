#include "harness/blob/local_blob_store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "harness/base/hash.hpp"
#include "harness/base/staged_path.hpp"
#include "harness/base/text.hpp"

// Below the root, besides blobs/ and records/:
//
// - staging/XXXX: being written (base/staged_path.hpp)

namespace nestbox {
namespace {

constexpr std::size_t k_piece = 4 << 20;

/// Copies and hashes in one pass.
BlobId copy_contents(const FileDescriptor& from, const FileDescriptor& to, const fs::path& source,
                     const fs::path& destination, Deadline deadline, const CancelToken& cancel) {
  Sha256 hash;
  Bytes size;
  std::vector<char> buffer(k_piece);
  while (true) {
    cancel.throw_if_cancelled();
    if (deadline.passed())
      throw Error(ErrorCode::timeout, fmt::format("'{}' was not copied in time", source.string()));
    const ssize_t count = ::read(from.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      throw system_error(fmt::format("cannot read '{}'", source.string()), errno);
    if (count == 0)
      return {hash.hex(), size};
    const std::string_view piece(buffer.data(), static_cast<std::size_t>(count));
    hash.update(piece);
    size = size + Bytes{piece.size()};
    write_all(to, piece, destination);
  }
}

/// Copies `source` to `destination` and makes it durable; Error(corrupt), and no file, when it is
/// not `id`.
void copy_verified(const fs::path& source, const fs::path& destination, const BlobId& id,
                   Deadline deadline, const CancelToken& cancel) {
  const FileDescriptor from(::open(source.c_str(), O_RDONLY | O_CLOEXEC));
  if (!from && errno == ENOENT)
    throw Error(ErrorCode::not_found, fmt::format("there is no '{}'", source.string()));
  if (!from)
    throw system_error(fmt::format("cannot open '{}'", source.string()), errno);
  const FileDescriptor to(
      ::open(destination.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!to)
    throw system_error(fmt::format("cannot make '{}'", destination.string()), errno);
  ScopeExit discard([&] { ::unlink(destination.c_str()); });
  const BlobId found = copy_contents(from, to, source, destination, deadline, cancel);
  if (found != id)
    throw Error(ErrorCode::corrupt, fmt::format("'{}' is not what its name says", source.string()));
  if (::fsync(to.get()) != 0)
    throw system_error(fmt::format("cannot write '{}'", destination.string()), errno);
  discard.dismiss();
}

void rename_into_place(const fs::path& from, const fs::path& to) {
  fs::create_directories(to.parent_path());
  fs::rename(from, to);
  const FileDescriptor folder(::open(to.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0)
    throw system_error(fmt::format("cannot write '{}'", to.string()), errno);
}

}  // namespace

LocalBlobStore::LocalBlobStore(const fs::path& root) : m_root(fs::absolute(root)) {
  try {
    fs::create_directories(m_root / "staging");
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorCode::io,
                fmt::format("cannot make '{}': {}", m_root.string(), error.code().message()));
  }
  sweep_staged(m_root / "staging");
}

bool LocalBlobStore::has(const BlobId& id, Deadline, const CancelToken&) {
  std::error_code error;
  return fs::file_size(m_root / blob_path(id), error) == id.size.count && !error;
}

void LocalBlobStore::put(const BlobId& id, const fs::path& file, Deadline deadline,
                         const CancelToken& cancel) {
  if (has(id, deadline, cancel))
    return;
  const StagedPath staged(m_root / "staging");
  copy_verified(file, staged.path(), id, deadline, cancel);
  rename_into_place(staged.path(), m_root / blob_path(id));
}

void LocalBlobStore::abandon(const BlobId&, Deadline, const CancelToken&) {
  sweep_staged(m_root / "staging");
}

void LocalBlobStore::get(const BlobId& id, const fs::path& destination, Deadline deadline,
                         const CancelToken& cancel) {
  copy_verified(m_root / blob_path(id), destination, id, deadline, cancel);
}

void LocalBlobStore::remove(const BlobId& id, Deadline, const CancelToken&) {
  std::error_code ignored;
  fs::remove(m_root / blob_path(id), ignored);
}

std::string LocalBlobStore::presigned_link(const BlobId& id, std::chrono::seconds, Deadline,
                                           const CancelToken&) {
  return "file://" + (m_root / blob_path(id)).string();
}

void LocalBlobStore::put_record(const std::string& name, std::string_view text, Deadline,
                                const CancelToken&) {
  const fs::path path = m_root / record_path(name);
  if (text.size() > k_record_limit.count)
    throw Error(ErrorCode::usage,
                fmt::format("record '{}' is larger than {}", name, format_bytes(k_record_limit)));
  const StagedPath staged(m_root / "staging");
  const FileDescriptor file = open_file(staged.path(), O_WRONLY | O_CREAT | O_EXCL, 0644);
  write_all(file, text, staged.path());
  if (::fsync(file.get()) != 0)
    throw system_error(fmt::format("cannot write '{}'", path.string()), errno);
  rename_into_place(staged.path(), path);
}

std::optional<std::string> LocalBlobStore::record(const std::string& name, Deadline,
                                                  const CancelToken&) {
  const fs::path path = m_root / record_path(name);
  std::error_code ignored;
  if (!fs::exists(path, ignored))
    return std::nullopt;
  return read_file(path, k_record_limit);
}

std::vector<std::string> LocalBlobStore::records(const std::string& prefix, Deadline,
                                                 const CancelToken&) {
  std::vector<std::string> names;
  std::error_code error;
  const fs::path root = m_root / "records";
  for (auto it = fs::recursive_directory_iterator(root, error);
       it != fs::recursive_directory_iterator(); it.increment(error)) {
    const std::string name = it->path().lexically_relative(root).string();
    const bool hidden = it->path().filename().string().starts_with('.');
    if (it->is_regular_file(error) && !hidden && name.starts_with(prefix))
      names.push_back(name);
  }
  std::ranges::sort(names);
  return names;
}

void LocalBlobStore::remove_record(const std::string& name, Deadline, const CancelToken&) {
  std::error_code ignored;
  fs::remove(m_root / record_path(name), ignored);
}

}  // namespace nestbox
