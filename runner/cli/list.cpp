#include "runner/cli/list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "harness/base/text.hpp"
#include "harness/base/units.hpp"
#include "harness/model/verb_parser.hpp"
#include "runner/cli/driver_chooser.hpp"
#include "runner/cli/plain_progress.hpp"
#include "runner/cli/run_reports.hpp"

namespace nestbox {

namespace {

constexpr std::size_t k_widest_name = 60;

/// The names of the machines that are a test's own; none when it has a topology or one machine.
std::vector<std::string> own_machines(const Test& test, const Definition& definition) {
  std::vector<std::string> names;
  const auto world =
      test.topology ? definition.topologies.find(*test.topology) : definition.topologies.end();
  if (world != definition.topologies.end() && world->second.any_network)
    for (const TopologyMachine& machine : world->second.machines)
      names.push_back(machine.name);
  return names;
}

/// Its environment, its topology or its machines.
std::string place_of(const Test& test, const Definition& definition) {
  if (const auto machines = own_machines(test, definition); !machines.empty())
    return (machines.size() == 1 ? "machine " : "machines ") + join(machines, ", ");
  return test.topology ? "topology " + *test.topology : test.environment;
}

nlohmann::ordered_json as_json(const Test& test, const Definition& definition) {
  nlohmann::ordered_json json{{"name", test.name}};
  if (const auto machines = own_machines(test, definition); !machines.empty())
    json["machines"] = machines;
  else if (test.topology)
    json["topology"] = *test.topology;
  else
    json["environment"] = test.environment;
  if (test.topology)
    json["from"] = test.container ? nlohmann::ordered_json{{"container", *test.container}}
                                  : nlohmann::ordered_json(test.from);
  json["markers"] = effective_markers(test);
  if (test.steps.empty())
    json["command"] = test.command;
  for (const WorldStep& step : test.steps)
    json["steps"].push_back(to_string(step.verb));
  if (!test.script.empty())
    json["script"] = test.script;
  json["timeout"] = canonical_duration(test.timeout);
  json["isolation"] = test.isolation == Isolation::fork ? "fork" : "fresh";
  if (test.repeat != 1)
    json["repeat"] = test.repeat;
  if (test.retries != 0)
    json["retries"] = test.retries;
  if (test.skip)
    json["skip"] = *test.skip;
  if (test.expected_failure)
    json["xfail"] = *test.expected_failure;
  if (test.where)
    json["where"] = {{"file", test.where->file}, {"line", test.where->line}};
  return json;
}

}  // namespace

void list_tests(const Selection& selection, const Definition& definition, std::ostream& output) {
  std::size_t name_width = 0;
  std::size_t place_width = 0;
  for (const Test& test : selection.tests) {
    name_width = std::max(name_width, std::min(test.name.size(), k_widest_name));
    place_width = std::max(place_width, place_of(test, definition).size());
  }
  fmt::memory_buffer lines;
  auto line = std::back_inserter(lines);
  for (const Test& test : selection.tests) {
    std::string markers = join(effective_markers(test), ",");
    if (test.skip)
      markers += (markers.empty() ? "skip: " : "  skip: ") + printable(*test.skip);
    std::string name = printable(test.name);
    const std::string place = place_of(test, definition);
    if (markers.empty())
      fmt::format_to(line, "{:<{}}  {}\n", name, name_width, place);
    else
      fmt::format_to(line, "{:<{}}  {:<{}}  {}\n", name, name_width, place, place_width, markers);
  }
  std::size_t count = selection.tests.size();
  fmt::format_to(line, "{} test{}", count, count == 1 ? "" : "s");
  if (selection.deselected > 0)
    fmt::format_to(line, ", {} deselected", selection.deselected);
  fmt::format_to(line, "\n");
  output.write(lines.data(), static_cast<std::streamsize>(lines.size()));
}

void list_tests_json(const Selection& selection, const Definition& definition,
                     std::ostream& output) {
  // Test by test: the whole list as one tree of values would take more memory than the tests.
  constexpr auto k_replace = nlohmann::ordered_json::error_handler_t::replace;
  output << "{\"version\": 1, \"tests\": [";
  const char* separator = "\n";
  for (const Test& test : selection.tests) {
    output << separator << "  " << as_json(test, definition).dump(-1, ' ', false, k_replace);
    separator = ",\n";
  }
  output << "\n], \"deselected\": " << selection.deselected << "}\n";
}

void list_explained(Selection selection, const Definition& definition, const DriverWish& wish,
                    const DriverRegistry& drivers, std::ostream& output) {
  PlainProgress progress;
  Workbench workbench(drivers, {wish.accelerator, false}, progress);
  DriverChooser chooser(workbench, {definition, wish.driver, wish.markers, wish.accelerator});
  const Assignment assignment = assign(std::move(selection.tests), definition,
                                       [&](const Test& test) { return chooser.choose(test); });
  for (const std::string& line : chooser.lines())
    output << "driver " << printable(line) << '\n';
  for (const std::string& line : explain(assignment, selection.deselected))
    output << printable(line) << '\n';
}

}  // namespace nestbox
