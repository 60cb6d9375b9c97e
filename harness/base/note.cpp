#include "harness/base/note.hpp"

#include <algorithm>

#include "harness/base/owner.hpp"

namespace nestbox {
namespace {

constexpr Bytes k_longest = kibibytes(16);

}  // namespace

void write_note(const fs::path& file, std::string_view text) {
  std::error_code said_by_the_write;
  fs::create_directories(file.parent_path(), said_by_the_write);
  write_file_atomically(file, to_string(this_owner()) + "\n" + std::string(text));
}

std::vector<AbandonedNote> abandoned_notes(const fs::path& folder) {
  std::vector<AbandonedNote> found;
  if (!fs::is_directory(folder))
    return found;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string content =
        catch_error([&] { return read_file(entry.path(), k_longest); }).value_or("");
    const std::size_t line = std::min(content.find('\n'), content.size());
    std::string owner = content.substr(0, line);
    const Result<Owner> parsed = parse_owner(owner);
    if (parsed && state_of(*parsed) != OwnerState::alive)
      found.push_back(
          {entry.path(), std::move(owner), content.substr(std::min(line + 1, content.size()))});
  }
  std::ranges::sort(found, {}, &AbandonedNote::file);
  return found;
}

}  // namespace nestbox
