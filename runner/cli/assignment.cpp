#include "runner/cli/assignment.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "harness/model/name_rules.hpp"
#include "runner/selection.hpp"

namespace nestbox {
namespace {

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::size_t index_of(std::vector<EnvironmentUse>& uses, EnvironmentUse use) {
  auto found = std::find(uses.begin(), uses.end(), use);
  if (found == uses.end())
    found = uses.insert(uses.end(), std::move(use));
  return static_cast<std::size_t>(found - uses.begin());
}

}  // namespace

bool belongs_on_host(const Test& test, const MarkerExpression& markers) {
  const std::vector<std::string> own = effective_markers(test);
  if (contains(own, "vm") || contains(own, "nested"))
    return false;
  return contains(own, "unit") || !markers.matches([&](std::string_view word) {
    return word == "vm" || contains(own, word);
  });
}

std::optional<std::string> unmet_need(const Test& test, std::string_view driver,
                                      const Capabilities& capabilities) {
  const std::vector<std::string> markers = effective_markers(test);
  if (test.topology && !capabilities.machine)
    return fmt::format("needs a world of machines; driver '{}' runs on this host", driver);
  if (test.topology && !capabilities.ethernet)
    return fmt::format("needs networks between machines; driver '{}' cannot make them", driver);
  if (!capabilities.machine && (contains(markers, "vm") || test.needs.machine))
    return fmt::format("needs a machine of its own; driver '{}' {}", driver,
                       capabilities.boots == Boots::host ? "runs on this host"
                                                         : "shares this host's kernel");
  if (!capabilities.nested && (contains(markers, "nested") || test.needs.nested))
    return fmt::format("needs a hypervisor inside; driver '{}' cannot give it one", driver);
  if (!capabilities.docker && test.needs.docker)
    return fmt::format("needs a container engine of its own; driver '{}' cannot give it one",
                       driver);
  if (capabilities.boots == Boots::host && !capabilities.machine && test.needs.privileged)
    return fmt::format("needs all that root may do; driver '{}' runs on this host", driver);
  if (!capabilities.network && test.needs.network == NetworkAccess::user)
    return fmt::format("needs a network; driver '{}' cannot give it one", driver);
  return std::nullopt;
}

std::optional<std::string> unmet_environment(const Environment& environment,
                                             std::string_view driver,
                                             const Capabilities& capabilities) {
  if (capabilities.boots == Boots::kernel && is_driver_image(environment.image))
    return fmt::format("its environment is image '{}', which driver '{}' cannot boot",
                       environment.image, driver);
  if (capabilities.boots == Boots::image && !capabilities.machine
      && environment.init == Init::systemd)
    return fmt::format("its environment needs systemd; driver '{}' has none in its machines",
                       driver);
  return std::nullopt;
}

EnvironmentUse use_for(const Test& test, const Definition& definition, const DriverFacts& driver) {
  EnvironmentUse use{driver.name,
                     driver.acceleration,
                     {},
                     driver.timeout_scale,
                     driver.capabilities.boots == Boots::host && !driver.capabilities.machine};
  if (!test.topology) {
    use.environment = raised(definition.environments.at(test.environment), test.needs);
    return use;
  }
  use.topology = definition.topologies.at(*test.topology);
  for (const TopologyMachine& machine : use.topology->machines)
    use.machines.emplace(machine.name,
                         sized(definition.environments.at(machine.environment), machine));
  return use;
}

Assignment assign(std::vector<Test> tests, const Definition& definition,
                  const std::function<const DriverFacts&(const Test&)>& choose) {
  Assignment assignment;
  for (Test& test : tests) {
    AssignedTest assigned;
    assigned.skip = test.skip;
    if (!assigned.skip) {
      const DriverFacts& driver = choose(test);
      assigned.skip = unmet_need(test, driver.name, driver.capabilities);
      if (!assigned.skip && !test.topology)
        assigned.skip = unmet_environment(definition.environments.at(test.environment), driver.name,
                                          driver.capabilities);
      if (!assigned.skip)
        assigned.environment = index_of(assignment.environments, use_for(test, definition, driver));
    }
    assigned.test = std::move(test);
    assignment.tests.push_back(std::move(assigned));
  }
  return assignment;
}

}  // namespace nestbox
