#include "harness/env/file_list.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace nestbox {
namespace {

constexpr std::size_t k_entry_limit = 1'000'000;

}  // namespace

void add_file(std::string name, std::vector<std::string>& files) {
  if (files.size() >= k_entry_limit)
    throw Error(ErrorCode::usage, fmt::format("more than {} files to copy", k_entry_limit),
                "run it from the folder of the sources, or leave files out by .gitignore");
  files.push_back(std::move(name));
}

void list_files(const fs::path& directory, const std::string& prefix,
                std::vector<std::string>& files) {
  try {
    for (auto it = fs::recursive_directory_iterator(directory);
         it != fs::recursive_directory_iterator(); ++it) {
      const fs::file_type type = it->symlink_status().type();
      const bool folder = type == fs::file_type::directory;
      if (it->path().filename() == ".git") {
        if (folder)
          it.disable_recursion_pending();
      } else if (type == fs::file_type::regular || type == fs::file_type::symlink
                 || (folder && fs::is_empty(it->path()))) {
        add_file(prefix + it->path().lexically_relative(directory).string(), files);
      }
    }
  } catch (const fs::filesystem_error& error) {
    throw system_error(fmt::format("cannot read '{}'", error.path1().string()),
                       error.code().value());
  }
}

std::vector<std::string> list_files(const fs::path& directory) {
  std::vector<std::string> files;
  list_files(directory, "", files);
  std::ranges::sort(files);
  return files;
}

}  // namespace nestbox
