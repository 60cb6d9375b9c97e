#include "runner/cli/environments.hpp"

#include <chrono>
#include <iostream>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "harness/base/text.hpp"
#include "runner/cli/interrupts.hpp"
#include "runner/cli/plain_progress.hpp"
#include "runner/cli/run.hpp"
#include "runner/cli/workbench.hpp"

namespace nestbox {
namespace {

using Json = nlohmann::ordered_json;

const char* init_name(Init init) {
  return init == Init::systemd ? "systemd" : "agent";
}

const char* network_name(NetworkAccess network) {
  return network == NetworkAccess::user ? "user" : "none";
}

std::vector<std::string> wanted_names(const Suite& suite, const std::vector<std::string>& asked) {
  std::vector<std::string> known;
  for (const auto& [name, environment] : suite.definition.environments)
    known.push_back(name);
  for (const std::string& name : asked)
    if (!suite.definition.environments.contains(name)) {
      const std::string near = did_you_mean(name, known);
      throw Error(ErrorCode::not_found, fmt::format("no environment '{}'", name),
                  near.empty() ? "there are " + join(known, ", ") : near);
    }
  if (!asked.empty())
    return asked;
  std::set<std::string> used;
  for (const Test& test : suite.tests)
    if (!test.topology)
      used.insert(test.environment);
  return suite.tests.empty() ? std::vector<std::string>{"debian"}
                             : std::vector<std::string>(used.begin(), used.end());
}

/// Those that the tests here use, unless environments were asked for.
std::set<std::string> wanted_topologies(const Suite& suite, const std::vector<std::string>& asked) {
  std::set<std::string> used;
  for (const Test& test : suite.tests)
    if (test.topology && asked.empty())
      used.insert(*test.topology);
  return used;
}

template <class Prepare>
void prepare_and_say(const std::string& label, Prepare prepare) {
  const auto start = std::chrono::steady_clock::now();
  prepare();
  std::cout << fmt::format("{} ready in {}\n", label,
                           format_duration(std::chrono::steady_clock::now() - start));
}

}  // namespace

int list_environments(bool json) {
  const Suite suite = discover_or_throw({}, {});
  Json entries = Json::array();
  for (const auto& [name, environment] : suite.definition.environments) {
    if (!json) {
      std::cout << fmt::format(
          "{:<20} {:<18} {:<8} {:>8}  {} core{}  network {}{}\n", name, environment.image,
          init_name(environment.init), format_bytes(environment.memory), environment.cores,
          environment.cores == 1 ? " " : "s", network_name(environment.network),
          environment.packages.empty() ? "" : "  + " + join(environment.packages, " "));
      continue;
    }
    entries.push_back({{"name", name},
                       {"image", environment.image},
                       {"init", init_name(environment.init)},
                       {"memory", environment.memory.count},
                       {"cores", environment.cores},
                       {"network", network_name(environment.network)},
                       {"packages", environment.packages},
                       {"steps", environment.steps.size()}});
  }
  if (json)
    std::cout << Json{{"version", 1}, {"environments", std::move(entries)}}.dump(2) << '\n';
  return 0;
}

int build_environments(const BuildOptions& options, const DriverRegistry& drivers) {
  Interrupts interrupts;
  CancelSource cancel;
  const Suite suite = discover_or_throw({}, {});
  const std::vector<std::string> names = wanted_names(suite, options.environments);
  PlainProgress progress;
  Workbench workbench(drivers, {options.accelerator, false}, progress);
  // Before the driver is asked, whose probe guest is then renewed once, not built and renewed.
  if (options.refresh)
    workbench.cache().renew();
  const std::string driver = machine_driver_or_throw(workbench, options.driver);
  const Interrupts::Handling handling(interrupts, [&] { cancel.cancel(); });
  for (const std::string& name : names)
    prepare_and_say("environment '" + name + "'", [&] {
      workbench.prepare(driver, suite.definition.environments.at(name), suite.root, cancel.token());
    });
  for (const std::string& name : wanted_topologies(suite, options.environments))
    prepare_and_say("topology '" + name + "'", [&] {
      workbench.prepare(
          driver, suite.definition,
          made_with(workbench.driver(driver).capabilities(), suite.definition.topologies.at(name)),
          suite.root, cancel.token());
    });
  return 0;
}

}  // namespace nestbox
