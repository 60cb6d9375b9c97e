#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/base/filesystem.hpp"

namespace nestbox {

/// Notes that something is about to begin that outlives this process when it is killed: a file that
/// names us as its owner (base/owner.hpp), with a text for who ends it then. Who ends it removes
/// the file. Throws Error(io).
void write_note(const fs::path& file, std::string_view text = {});

struct AbandonedNote {
  fs::path file;
  std::string owner;  ///< to_string(Owner)
  std::string text;
};

/// The notes in a folder whose owners are gone, or were processes of another boot, in the order of
/// their names. What is no note is passed over. Throws Error(io).
std::vector<AbandonedNote> abandoned_notes(const fs::path& folder);

}  // namespace nestbox
