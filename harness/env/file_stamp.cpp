#include "harness/env/file_stamp.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <chrono>

#include "harness/base/filesystem.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"
#include "harness/env/sparse_digest.hpp"

namespace nestbox {
namespace {

// File times advance by timer ticks (up to 10 ms): a write within the same tick as the stat goes
// unseen.
constexpr auto k_racy = std::chrono::milliseconds(20);

std::string boot_id() {
  return std::string(trim(read_file("/proc/sys/kernel/random/boot_id", kibibytes(4))));
}

std::chrono::system_clock::time_point change_time(const struct stat& status) {
  return std::chrono::system_clock::time_point(std::chrono::seconds(status.st_ctim.tv_sec)
                                               + std::chrono::nanoseconds(status.st_ctim.tv_nsec));
}

}  // namespace

std::string file_stamp(const fs::path& path) {
  const auto now = std::chrono::system_clock::now();
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0)
    throw system_error(fmt::format("cannot read '{}'", path.string()), errno);
  if (now - change_time(status) < k_racy)
    return {};
  return fmt::format("{} {} {} {} {}.{:09} {}.{:09}", boot_id(), status.st_dev, status.st_ino,
                     status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
                     status.st_ctim.tv_sec, status.st_ctim.tv_nsec);
}

std::string known_digest(const fs::path& path, const fs::path& notes) {
  const std::string stamp = file_stamp(path);
  const fs::path note = notes / sha256(path.string());
  const std::vector<std::string> known =
      split(catch_error([&] { return read_file(note, kibibytes(4)); }).value_or(""), '\n');
  if (!stamp.empty() && known.size() == 3 && known[0] == stamp)
    return known[1];
  std::string digest = sparse_digest(path);
  fs::create_directories(notes);
  write_file_atomically(note, stamp + "\n" + digest + "\n");
  return digest;
}

}  // namespace nestbox
