#include "runner/run_directory.hpp"

#include <sys/random.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <ctime>
#include <fstream>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "harness/base/hash.hpp"

namespace nestbox {
namespace {

constexpr std::size_t k_kept_runs = 50;
constexpr std::size_t k_longest_name = 100;

/// Ids sort by their start to the microsecond, for runs of one second follow each other too: the
/// newest is what `show` shows, and what is pruned last.
std::string new_id() {
  using namespace std::chrono;
  unsigned char random[3] = {};
  if (::getrandom(random, sizeof random, 0) != sizeof random)
    throw Error(ErrorCode::io, "the kernel gives no random bytes");
  const auto now = floor<microseconds>(system_clock::now());
  return fmt::format("{:%Y%m%dT%H%M%S}.{:06}Z-{:02x}{:02x}{:02x}",
                     fmt::gmtime(system_clock::to_time_t(now)), (now - floor<seconds>(now)).count(),
                     random[0], random[1], random[2]);
}

void point_latest_at(const fs::path& root, const fs::path& run) {
  const fs::path staged = root / (".latest." + run.filename().string());
  std::error_code ignored;
  fs::create_directory_symlink(run.filename(), staged, ignored);
  fs::rename(staged, root / "latest", ignored);
}

void prune(const fs::path& root) {
  std::vector<fs::path> runs = list_runs(root);
  for (std::size_t index = k_kept_runs; index < runs.size(); ++index)
    if (!is_running(runs[index]))
      remove_tree(runs[index]);
}

}  // namespace

RunDirectory RunDirectory::create(const fs::path& root, const fs::path& where) {
  std::string id = new_id();
  const fs::path path = where.empty() ? root / id : fs::absolute(where);
  std::error_code error;
  if (!where.empty() && fs::exists(path, error) && !fs::is_empty(path, error))
    throw Error(ErrorCode::usage, fmt::format("the run directory '{}' is not empty", path.string()),
                "name one that does not exist yet");
  fs::create_directories(path / "tests", error);
  for (const char* part : {"src", "out", "build", "scratch", "inputs", "ccache"})
    fs::create_directories(path / "layout" / part, error);
  if (error)
    throw Error(ErrorCode::io, fmt::format("cannot make the run directory '{}': {}", path.string(),
                                           error.message()));
  std::optional<FileLock> lock = FileLock::try_acquire(path / "lock", FileLock::Mode::exclusive);
  if (!lock)
    throw Error(ErrorCode::usage, fmt::format("the run directory '{}' is in use", path.string()));
  if (where.empty()) {
    point_latest_at(root, path);
    prune(root);
  }
  return RunDirectory(std::move(id), path, std::move(*lock));
}

RunDirectory::RunDirectory(std::string id, fs::path path, FileLock lock)
    : m_id(std::move(id)), m_path(std::move(path)), m_lock(std::move(lock)) {}

fs::path RunDirectory::test_directory(const std::string& run_id) {
  std::string name = safe_name(run_id);
  if (!m_names.insert(name).second)
    m_names.insert(name += "-" + sha256(run_id + std::to_string(m_names.size())).substr(0, 8));
  fs::path directory = m_path / "tests" / name;
  fs::create_directories(directory);
  return directory;
}

std::string safe_name(std::string_view name) {
  std::string safe;
  for (char c : name.substr(0, k_longest_name))
    safe +=
        std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-' ? c : '_';
  if (safe != name || safe.empty() || safe[0] == '.')
    safe = (safe.starts_with('.') ? "_" : "") + safe + "-" + sha256(name).substr(0, 8);
  return safe;
}

void write_whole(const fs::path& path, std::string_view content) {
  const fs::path staged = path.string() + ".new";
  std::ofstream file(staged, std::ios::binary);
  file << content;
  file.close();
  std::error_code error;
  if (file)
    fs::rename(staged, path, error);
  if (!file || error)
    throw Error(ErrorCode::io, fmt::format("cannot write '{}'", path.string()));
}

std::vector<fs::path> list_runs(const fs::path& root) {
  std::vector<fs::path> runs;
  std::error_code ignored;
  for (fs::directory_iterator entry(root, ignored), end; entry != end && !ignored;
       entry.increment(ignored))
    if (entry->symlink_status(ignored).type() == fs::file_type::directory)
      runs.push_back(entry->path());
  std::sort(runs.rbegin(), runs.rend());
  return runs;
}

bool is_running(const fs::path& run) {
  std::error_code ignored;
  return fs::exists(run / "lock", ignored)
         && !FileLock::try_acquire(run / "lock", FileLock::Mode::exclusive);
}

}  // namespace nestbox
