#include "harness/model/windows_words.hpp"

#include <algorithm>
#include <array>

namespace nestbox {

bool is_windows_script(std::string_view name) {
  constexpr std::array<std::string_view, 3> k_suffixes = {".ps1", ".cmd", ".bat"};
  return std::ranges::any_of(k_suffixes, [&](std::string_view suffix) {
    return name.size() > suffix.size() && name.ends_with(suffix);
  });
}

std::vector<std::string> powershell_argv(std::string text) {
  return {"powershell", "-NoProfile", "-NonInteractive", "-ExecutionPolicy",
          "Bypass",     "-Command",   std::move(text)};
}

}  // namespace nestbox
