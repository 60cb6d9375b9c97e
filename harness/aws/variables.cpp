#include "harness/aws/variables.hpp"

#include "harness/base/variables.hpp"

namespace nestbox::aws {

Variables variables_of_this_process() {
  Variables variables = own_variables();
  std::erase_if(variables, [](const auto& variable) {
    return !variable.first.starts_with("AWS_") && variable.first != "HOME";
  });
  return variables;
}

std::optional<std::string> find(const Variables& variables, const std::string& name) {
  const auto found = variables.find(name);
  if (found == variables.end() || found->second.empty())
    return std::nullopt;
  return found->second;
}

}  // namespace nestbox::aws
