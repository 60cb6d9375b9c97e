#include "runner/kept_files.hpp"

namespace nestbox {

namespace fs = std::filesystem;

std::vector<std::string> files_below(const fs::path& root) {
  std::vector<std::string> files;
  std::error_code ignored;
  for (fs::recursive_directory_iterator entry(root, ignored), end; entry != end && !ignored;
       entry.increment(ignored)) {
    const fs::file_type type = entry->symlink_status(ignored).type();
    if (type == fs::file_type::regular || type == fs::file_type::symlink
        || (type == fs::file_type::directory && fs::is_empty(entry->path(), ignored)))
      files.push_back(entry->path().lexically_relative(root).string());
  }
  return files;
}

void merge_tree(const fs::path& from, const fs::path& into) {
  for (const std::string& file : files_below(from)) {
    std::error_code ignored;
    fs::create_directories((into / file).parent_path(), ignored);
    fs::rename(from / file, into / file, ignored);
  }
}

}  // namespace nestbox
