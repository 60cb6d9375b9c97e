#pragma once

#include "harness/base/filesystem.hpp"

namespace nestbox {

/// A new path for a file or folder that is not whole yet, with a lock beside it that says that
/// somebody still works on it. What is there is removed with the object; who is done with it has
/// renamed it away by then.
class StagedPath {
public:
  /// Below `folder`, made when absent. Nothing is there yet. Throws Error(io).
  explicit StagedPath(const fs::path& folder);
  StagedPath(const StagedPath&) = delete;
  StagedPath& operator=(const StagedPath&) = delete;
  ~StagedPath();

  const fs::path& path() const noexcept { return m_path; }

private:
  const fs::path m_path;
  const FileLock m_lock;
};

/// Removes what staged paths of processes that were killed have left in `folder`. Best effort,
/// never throws.
void sweep_staged(const fs::path& folder) noexcept;

}  // namespace nestbox
