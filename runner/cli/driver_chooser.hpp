#pragma once

#include <list>
#include <optional>
#include <string>
#include <vector>

#include "runner/cli/assignment.hpp"
#include "runner/cli/workbench.hpp"

namespace nestbox {

/// Chooses a driver for each test, and asks each driver about itself only when a test is to run on
/// it. One thread.
class DriverChooser {
public:
  /// `driver`: a name, or "auto"; `markers` is what `-m` says. Error(definition) for a bad `-m`.
  DriverChooser(Workbench& workbench, std::string driver, const std::string& markers,
                AcceleratorPolicy accelerator);

  /// Valid as long as the chooser. Throws Error(usage) for an unknown driver, Error(unsupported)
  /// for one that was named and does not work here.
  const DriverFacts& choose(const Test& test);

  /// A line for each driver chosen so far: which, and why.
  std::vector<std::string> lines() const;

private:
  struct Known {
    DriverFacts facts;
    std::string line;
  };

  const DriverFacts& facts(const std::string& name, const std::string& why);

  Workbench& m_workbench;
  std::string m_driver;
  bool m_by_markers;
  MarkerExpression m_markers;
  AcceleratorPolicy m_accelerator;
  bool m_asked = false;
  std::optional<std::string> m_machine_driver;
  std::vector<std::string> m_reasons;
  std::list<Known> m_known;
};

}  // namespace nestbox
