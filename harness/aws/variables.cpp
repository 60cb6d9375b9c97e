#include "harness/aws/variables.hpp"

#include <unistd.h>

#include <string_view>

namespace nestbox::aws {

Variables variables_of_this_process() {
  Variables variables;
  for (char** entry = ::environ; *entry; ++entry) {
    const std::string_view text(*entry);
    const std::size_t end = text.find('=');
    if (end != text.npos && (text.starts_with("AWS_") || text.substr(0, end) == "HOME"))
      variables.emplace(text.substr(0, end), text.substr(end + 1));
  }
  return variables;
}

std::optional<std::string> find(const Variables& variables, const std::string& name) {
  const auto found = variables.find(name);
  if (found == variables.end() || found->second.empty())
    return std::nullopt;
  return found->second;
}

}  // namespace nestbox::aws
