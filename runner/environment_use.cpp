#include "runner/environment_use.hpp"

namespace nestbox {

std::string EnvironmentUse::label() const {
  const char* what = !topology ? "environment" : topology->any_network ? "machines of" : "topology";
  return std::string(what) + " '" + name() + "'";
}

Resources EnvironmentUse::size() const {
  if (!topology)
    return {environment.cores, environment.memory};
  Resources sum;
  for (const auto& [machine, made_from] : machines) {
    sum.cores += made_from.cores;
    sum.memory = sum.memory + made_from.memory;
  }
  if (container) {
    sum.cores += container->cores;
    sum.memory = sum.memory + container->memory;
  }
  return sum;
}

}  // namespace nestbox
