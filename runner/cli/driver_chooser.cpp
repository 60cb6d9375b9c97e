#include "runner/cli/driver_chooser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "harness/base/text.hpp"

namespace nestbox {

DriverChooser::DriverChooser(Workbench& workbench, std::string driver, const std::string& markers,
                             AcceleratorPolicy accelerator)
    : m_workbench(workbench), m_driver(std::move(driver)), m_by_markers(!markers.empty()),
      m_markers(value_or_throw(MarkerExpression::parse(markers))), m_accelerator(accelerator) {}

const DriverFacts& DriverChooser::choose(const Test& test) {
  if (m_driver != "auto")
    return facts(m_driver, {});
  if (belongs_on_host(test, m_markers))
    return facts("local",
                 m_by_markers ? "tests that need no machine" : "unit tests need no machine");
  if (!m_asked) {
    m_asked = true;
    m_machine_driver = find_machine_driver(m_workbench, m_reasons);
  }
  if (m_machine_driver)
    return facts(*m_machine_driver, {});
  if (m_accelerator == AcceleratorPolicy::require)
    throw Error(ErrorCode::unsupported,
                "no hardware acceleration works here: " + join(m_reasons, "; "),
                "'--accel prefer' emulates where the hardware cannot be used");
  return facts("local", "no hypervisor works here: " + join(m_reasons, "; "));
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
  known.line = fmt::format("{}: {}", name, why.empty() ? availability.reason : why);
  if (known.facts.capabilities.boots != Boots::host) {
    known.facts.timeout_scale = std::max(1.0, driver.slowdown());
    if (known.facts.timeout_scale > 1.0)
      known.line += fmt::format("; timeouts x {:.1f}", known.facts.timeout_scale);
  }
  if (known.facts.capabilities.boots == Boots::host)
    known.line += "; packages and steps of environments are not applied";
  std::replace(known.line.begin(), known.line.end(), '\n', ' ');
  m_known.push_back(std::move(known));
  return m_known.back().facts;
}

}  // namespace nestbox
