#include "harness/base/staged_path.hpp"

#include <fmt/format.h>

#include <random>

namespace nestbox {
namespace {

constexpr const char* k_lock = ".lock";

fs::path new_path(const fs::path& folder) {
  std::error_code said_by_the_lock;
  fs::create_directories(folder, said_by_the_lock);
  std::random_device random;
  return folder / fmt::format("{:08x}{:08x}", random(), random());
}

fs::path lock_of(const fs::path& path) {
  return path.string() + k_lock;
}

}  // namespace

StagedPath::StagedPath(const fs::path& folder)
    : m_path(new_path(folder)),
      m_lock(FileLock::acquire(lock_of(m_path), FileLock::Mode::exclusive)) {}

StagedPath::~StagedPath() {
  std::error_code ignored;
  remove_tree(m_path);
  fs::remove(lock_of(m_path), ignored);
}

void sweep_staged(const fs::path& folder) noexcept {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const fs::path lock = entry->path();
    if (lock.extension() != k_lock)
      continue;
    const Result<std::optional<FileLock>> stale =
        catch_error([&] { return FileLock::try_acquire(lock, FileLock::Mode::exclusive); });
    if (!stale || !*stale)
      continue;
    std::error_code ignored;
    remove_tree(fs::path(lock).replace_extension());
    fs::remove(lock, ignored);
  }
}

}  // namespace nestbox
