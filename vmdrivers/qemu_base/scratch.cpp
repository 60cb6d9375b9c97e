#include "vmdrivers/qemu_base/scratch.hpp"

#include <chrono>

#include "harness/base/filesystem.hpp"

namespace nestbox::qemu {

fs::path swept_scratch() {
  const fs::path directory = cache_directory() / "scratch";
  fs::create_directories(directory);
  const auto stale = fs::file_time_type::clock::now() - std::chrono::minutes(10);
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory, ignored))
    if (entry.last_write_time(ignored) < stale)
      fs::remove(entry.path(), ignored);
  return directory;
}

}  // namespace nestbox::qemu
