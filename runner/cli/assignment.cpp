#include "runner/cli/assignment.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "harness/env/topology_environment.hpp"
#include "harness/model/name_rules.hpp"
#include "runner/selection.hpp"

namespace nestbox {
namespace {

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// A script that Linux starts, or a text for its shell. Other programs may be on any system.
bool is_for_unix(const Test& test) {
  return !test.needs.windows
         && (!test.script.empty() || (!test.command.empty() && test.command[0] == "/bin/sh"));
}

bool is_on_windows(const Test& test, const Capabilities& can) {
  return test.needs.windows || !can.linux_machines;
}

std::size_t index_of(std::vector<EnvironmentUse>& uses, EnvironmentUse use) {
  auto found = std::find(uses.begin(), uses.end(), use);
  if (found == uses.end())
    found = uses.insert(uses.end(), std::move(use));
  return static_cast<std::size_t>(found - uses.begin());
}

/// Of a test whose process is to run in one.
std::optional<std::string> why_no_container(const Environment& environment,
                                            const DriverChoice& choice) {
  if (!choice.container)
    return "its process needs a container; " + choice.no_container;
  const auto reason =
      unmet_environment(environment, choice.container->name, choice.container->capabilities);
  return reason ? std::optional("the container of its process: " + *reason) : std::nullopt;
}

/// Why there can never be all of these machines at once.
std::optional<std::string> unmet_size(const std::vector<Environment>& machines,
                                      std::string_view driver, const Capabilities& can) {
  std::vector<MachineSize> sizes;
  for (const Environment& machine : machines)
    sizes.push_back({machine.cores, machine.memory});
  if (const auto reason = beyond(can.bounds, sizes))
    return fmt::format("driver '{}' {}", driver, *reason);
  return std::nullopt;
}

}  // namespace

bool belongs_on_host(const Test& test, const MarkerExpression& markers) {
  const std::vector<std::string> own = effective_markers(test);
  if (contains(own, "vm") || contains(own, "nested") || test.needs.container || test.needs.windows
      || test.topology)
    return false;
  return contains(own, "unit") || !markers.matches([&](std::string_view word) {
    return word == "vm" || contains(own, word);
  });
}

std::optional<std::string> unmet_need(const Test& test, const Topology* world,
                                      std::string_view driver, const Capabilities& can) {
  const std::vector<std::string> markers = effective_markers(test);
  const bool on_host = can.boots == Boots::host && !can.machine;
  const auto says = [&](std::string_view needs, std::string_view what) {
    return fmt::format("needs {}; driver '{}' {}", needs, driver, what);
  };
  const char* shared = on_host ? "runs on this host" : "shares this host's kernel";
  if (test.needs.windows && !can.windows_machines)
    return says("Windows", on_host ? shared : "has none");
  if (!can.linux_machines && is_for_unix(test))
    return says("a Unix shell", "has Windows machines");
  if (!can.linux_machines && world)
    return says("machines of Linux", "has Windows machines");
  if (world && test.needs.windows)
    return says("Windows machines in its world", "has none there");
  if (world && world->any_network && !can.ethernet && !can.peers)
    return says("machines that reach each other",
                on_host ? shared : "has none that are thrown away after");
  if (world && !world->any_network && !can.machine)
    return says("a world of machines", shared);
  if (world && !world->any_network && !can.ethernet)
    return says("networks between machines", "cannot make them");
  if (world && !world->any_network && !can.fork)
    return says("a world that is saved and forked", "cannot do that");
  if (!can.machine && (contains(markers, "vm") || test.needs.machine))
    return says("a machine of its own", shared);
  if (on_host && test.needs.container)
    return says("a container or a machine of its own", shared);
  if (!can.nested && (contains(markers, "nested") || test.needs.nested))
    return says("a hypervisor inside", "cannot give it one");
  if (!can.docker && test.needs.docker)
    return says("a container engine of its own", "cannot give it one");
  if (on_host && test.needs.privileged)
    return says("all that root may do", shared);
  if (!can.network && test.needs.network == NetworkAccess::user)
    return says("a network", "cannot give it one");
  return std::nullopt;
}

std::optional<std::string> unmet_environment(const Environment& environment,
                                             std::string_view driver, const Capabilities& can) {
  if ((can.boots == Boots::kernel && is_driver_image(environment.image))
      || (can.boots == Boots::image && is_disk_image(environment.image)))
    return fmt::format("its environment is image '{}', which driver '{}' cannot boot",
                       environment.image, driver);
  if (can.boots == Boots::image && can.machine && environment.image == "tiny")
    return fmt::format("its environment is image 'tiny', which driver '{}' cannot boot", driver);
  if (can.boots == Boots::image && !can.machine && environment.init == Init::systemd)
    return fmt::format("its environment needs systemd; driver '{}' has none in its machines",
                       driver);
  return std::nullopt;
}

std::optional<std::string> why_not(const Test& test, const Definition& definition,
                                   std::string_view driver, const Capabilities& can) {
  const Topology* world = test.topology ? &definition.topologies.at(*test.topology) : nullptr;
  if (auto reason = unmet_need(test, world, driver, can))
    return reason;
  if (!world) {
    const Environment& environment = definition.environments.at(test.environment);
    if (can.boots != Boots::host && is_on_windows(test, can) && !environment.packages.empty())
      return fmt::format(
          "its environment has packages, which driver '{}' cannot install on Windows", driver);
    if (auto reason = unmet_environment(environment, driver, can))
      return reason;
    return unmet_size({raised(environment, test.needs)}, driver, can);
  }
  std::vector<Environment> machines;
  for (const TopologyMachine& machine : world->machines) {
    const Environment& environment = definition.environments.at(machine.environment);
    if (auto reason = unmet_environment(environment, driver, can))
      return fmt::format("machine '{}': {}", machine.name, *reason);
    machines.push_back(sized(environment, machine));
  }
  return unmet_size(machines, driver, can);
}

EnvironmentUse use_for(const Test& test, const Definition& definition, const DriverChoice& choice) {
  const DriverFacts& driver = choice.driver;
  EnvironmentUse use{driver.name,
                     driver.acceleration,
                     {},
                     driver.timeout_scale,
                     driver.capabilities.boots == Boots::host && !driver.capabilities.machine};
  use.start_limit = driver.capabilities.start_limit;
  if (driver.capabilities.bounds != Bounds{})
    use.bounds = driver.capabilities.bounds;
  if (!test.topology) {
    use.environment = raised(definition.environments.at(test.environment), test.needs);
    use.environment.windows = is_on_windows(test, driver.capabilities);
    return use;
  }
  use.topology = made_with(driver.capabilities, definition.topologies.at(*test.topology));
  for (const TopologyMachine& machine : use.topology->machines)
    use.machines.emplace(machine.name,
                         sized(definition.environments.at(machine.environment), machine));
  if (test.container) {
    use.container = definition.environments.at(*test.container);
    use.container_driver = choice.container->name;
  }
  return use;
}

Assignment assign(std::vector<Test> tests, const Definition& definition,
                  const std::function<DriverChoice(const Test&)>& choose) {
  Assignment assignment;
  for (Test& test : tests) {
    AssignedTest assigned;
    assigned.skip = test.skip;
    if (!assigned.skip) {
      const DriverChoice choice = choose(test);
      assigned.why = choice.why;
      assigned.skip = why_not(test, definition, choice.driver.name, choice.driver.capabilities);
      if (!assigned.skip && test.container)
        assigned.skip = why_no_container(definition.environments.at(*test.container), choice);
      if (!assigned.skip)
        assigned.environment = index_of(assignment.environments, use_for(test, definition, choice));
    }
    assigned.test = std::move(test);
    assignment.tests.push_back(std::move(assigned));
  }
  return assignment;
}

}  // namespace nestbox
