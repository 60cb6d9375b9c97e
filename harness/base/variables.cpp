#include "harness/base/variables.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>

namespace nestbox {

std::map<std::string, std::string> own_variables() {
  std::map<std::string, std::string> variables;
  for (char** entry = ::environ; entry && *entry; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != text.npos)
      variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

bool names_secret(std::string_view variable) {
  constexpr std::array k_words = {"SECRET", "TOKEN", "PASSWORD", "ACCESS_KEY", "API_KEY"};
  return std::ranges::any_of(
      k_words, [&](const char* word) { return variable.find(word) != variable.npos; });
}

std::map<std::string, std::string> own_variables_to_share() {
  std::map<std::string, std::string> variables = own_variables();
  std::erase_if(variables, [](const auto& variable) { return names_secret(variable.first); });
  return variables;
}

}  // namespace nestbox
