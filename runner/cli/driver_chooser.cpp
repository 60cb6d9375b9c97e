#include "runner/cli/driver_chooser.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "harness/base/text.hpp"

namespace nestbox {

std::vector<Cost> order_of_costs(const Test& test) {
  if (test.needs.container)
    return {Cost::container, Cost::guest, Cost::host, Cost::money};
  return {Cost::guest, Cost::container, Cost::host, Cost::money};
}

DriverChooser::DriverChooser(Workbench& workbench, const Wish& wish)
    : m_workbench(workbench), m_wish(wish),
      m_markers(value_or_throw(MarkerExpression::parse(wish.markers))) {}

DriverChoice DriverChooser::choose(const Test& test) {
  DriverChoice choice = choose_machine(test);
  if (test.container)
    choose_container(choice);
  return choice;
}

void DriverChooser::choose_container(DriverChoice& choice) {
  std::vector<std::string> absent;
  for (const std::string& name : m_workbench.driver_names(Cost::container)) {
    const Availability availability = m_workbench.availability(name);
    if (availability.available) {
      choice.container = &facts(name, "for the processes of tests");
      return;
    }
    absent.push_back(absence(name, availability));
  }
  choice.no_container = join(absent, "; ");
}

DriverChoice DriverChooser::choose_machine(const Test& test) {
  if (m_wish.driver != "auto")
    return facts(m_wish.driver, {});
  if (belongs_on_host(test, m_markers)) {
    const char* why =
        m_wish.markers.empty() ? "unit tests need no machine" : "tests that need no machine";
    return {facts("local", why), why};
  }
  return choose_cheapest(test);
}

/// Those of other hosts are asked last and not spoken of: they are there only when somebody has
/// set them up.
DriverChoice DriverChooser::choose_cheapest(const Test& test) {
  std::vector<std::string> passed_over;
  std::vector<std::string> absent;
  std::string unable_guest;
  for (const Cost cost : order_of_costs(test))
    for (const std::string& name : m_workbench.driver_names(cost)) {
      const std::optional<std::string> reason =
          why_not(test, m_wish.definition, name, m_workbench.driver(name).capabilities());
      if (reason && cost != Cost::guest) {
        passed_over.push_back(*reason);
        continue;
      }
      const Availability availability = m_workbench.availability(name);
      if (!availability.available) {
        if (cost <= Cost::guest)
          absent.push_back(absence(name, availability));
        continue;
      }
      if (!reason)
        return chosen(test, name, passed_over, absent);
      passed_over.push_back(*reason);
      unable_guest = unable_guest.empty() ? name : unable_guest;
    }
  if (!unable_guest.empty())
    return facts(unable_guest, {});
  if (m_wish.accelerator == AcceleratorPolicy::require)
    throw Error(ErrorCode::unsupported,
                "no hardware acceleration works here: " + join(absent, "; "),
                "'--accel prefer' emulates where the hardware cannot be used");
  const std::string why = "no hypervisor works here: " + join(absent, "; ");
  return {facts("local", why), why};
}

DriverChoice DriverChooser::chosen(const Test& test, const std::string& name,
                                   std::vector<std::string> passed_over,
                                   const std::vector<std::string>& absent) {
  const DriverFacts& its = facts(name, absent.empty() ? "" : "instead of " + join(absent, "; "));
  passed_over.insert(passed_over.begin(),
                     test.needs.container ? "a container will do" : "the cheapest that can");
  passed_over.insert(passed_over.end(), absent.begin(), absent.end());
  return {its, join(passed_over, "; ")};
}

std::vector<std::string> DriverChooser::lines() const {
  std::vector<std::string> lines;
  for (const Known& known : m_known)
    lines.push_back(known.line);
  return lines;
}

const DriverFacts& DriverChooser::facts(const std::string& name, const std::string& why) {
  for (const Known& known : m_known)
    if (known.facts.name == name)
      return known.facts;
  Driver& driver = m_workbench.driver(name);
  const Availability availability = m_workbench.availability(name);
  if (!availability.available)
    throw Error(ErrorCode::unsupported,
                fmt::format("driver '{}' does not work here: {}", name, availability.reason),
                availability.hint);
  Known known;
  known.facts = {name, driver.capabilities(), availability.acceleration, 1.0};
  const Capabilities& can = known.facts.capabilities;
  const bool on_host = can.boots == Boots::host && !can.machine;
  known.line = fmt::format("{}: {}", name, on_host && !why.empty() ? why : availability.reason);
  if (!on_host && !why.empty())
    known.line += "; " + why;
  if (can.boots == Boots::host) {
    known.line += "; packages and steps of environments are not applied";
  } else {
    known.facts.timeout_scale = std::max(1.0, driver.slowdown());
    if (known.facts.timeout_scale > 1.0)
      known.line += fmt::format("; timeouts x {:.1f}", known.facts.timeout_scale);
  }
  std::replace(known.line.begin(), known.line.end(), '\n', ' ');
  m_known.push_back(std::move(known));
  return m_known.back().facts;
}

}  // namespace nestbox
