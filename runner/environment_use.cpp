#include "runner/environment_use.hpp"

namespace nestbox {

std::string EnvironmentUse::label() const {
  const char* what = !topology ? "environment" : topology->any_network ? "machines of" : "topology";
  return std::string(what) + " '" + name() + "'";
}

Resources EnvironmentUse::size() const {
  Resources sum;
  const auto add = [&](const Environment& machine) {
    MachineSize size{machine.cores, machine.memory};
    if (bounds)
      size = given(*bounds, size).value_or(size);
    sum.cores += size.cores;
    sum.memory = sum.memory + size.memory;
    ++sum.machines;
  };
  if (!topology)
    add(environment);
  for (const auto& [name, machine] : machines)
    add(machine);
  if (container)
    add(*container);
  return sum;
}

}  // namespace nestbox
