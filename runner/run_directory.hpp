#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "harness/base/filesystem.hpp"

namespace nestbox {

/// Where one run keeps what it saw: `run.json`, `events.jsonl`, and below `tests/` one folder an
/// execution with `output.log`, `console.log` (in a world `console-NAME.log` and `network.json`),
/// `result.json` and `artifacts/`. Survives the run;
/// the newest 50 are kept. A lock on `lock` tells a run that is alive from one that was killed.
class RunDirectory {
public:
  /// Below `root` (usually state_directory() / "runs"), or exactly at `where` (--run-dir; must be
  /// absent or empty). Points `root`/latest at it and prunes old ones.
  static RunDirectory create(const fs::path& root, const fs::path& where = {});

  const std::string& id() const noexcept { return m_id; }
  const fs::path& path() const noexcept { return m_path; }

  /// The folder of one execution, made.
  fs::path test_directory(const std::string& run_id);

private:
  RunDirectory(std::string id, fs::path path, FileLock lock);

  std::string m_id;  ///< "20260131T120000.123456Z-1a2b3c"
  fs::path m_path;
  FileLock m_lock;
  std::set<std::string> m_names;
};

/// `name` as one harmless path component: other characters than letters, digits and "._-" become
/// '_', and a hash tells apart what would then be the same.
std::string safe_name(std::string_view name);

/// Written beside and renamed, without waiting for the disk: readers see a whole file, a power cut
/// may lose it.
void write_whole(const fs::path& path, std::string_view content);

/// The runs below `root`, newest first.
std::vector<fs::path> list_runs(const fs::path& root);

/// Whether the nestbox that wrote it is still at it.
bool is_running(const fs::path& run);

}  // namespace nestbox
