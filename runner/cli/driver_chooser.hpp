#pragma once

#include <list>
#include <string>
#include <vector>

#include "runner/cli/assignment.hpp"
#include "runner/cli/workbench.hpp"

namespace nestbox {

/// In which order `--driver auto` tries what drivers cost: what is closest to a machine of its own
/// on this host first, for a test that does not say that a container will do. Pure.
std::vector<Cost> order_of_costs(const Test& test);

/// Chooses a driver for each test, and asks each driver about itself only when a test is to run on
/// it. One thread.
class DriverChooser {
public:
  /// What it is told; all outlive it.
  struct Wish {
    const Definition& definition;
    const std::string& driver;   ///< a name, or "auto"
    const std::string& markers;  ///< what `-m` says
    AcceleratorPolicy accelerator = AcceleratorPolicy::prefer;
  };

  /// Error(definition) for a bad `-m`.
  DriverChooser(Workbench& workbench, const Wish& wish);

  /// With "auto" the cheapest that can run the test and works here; when there is none, one that
  /// cannot: the caller finds out why. Valid as long as the chooser. Throws Error(usage) for an
  /// unknown driver, Error(unsupported) for one that was named and does not work here.
  DriverChoice choose(const Test& test);

  /// A line for each driver chosen so far: which, and why.
  std::vector<std::string> lines() const;

private:
  struct Known {
    DriverFacts facts;
    std::string line;
  };

  DriverChoice choose_machine(const Test& test);
  DriverChoice choose_cheapest(const Test& test);
  void choose_container(DriverChoice& choice);
  DriverChoice chosen(const Test& test, const std::string& name,
                      std::vector<std::string> passed_over, const std::vector<std::string>& absent);
  const DriverFacts& facts(const std::string& name, const std::string& why);

  Workbench& m_workbench;
  Wish m_wish;
  MarkerExpression m_markers;
  std::list<Known> m_known;
};

}  // namespace nestbox
