#pragma once

#include <iosfwd>
#include <string>

#include "harness/model/definition.hpp"
#include "harness/vm/driver_registry.hpp"
#include "runner/selection.hpp"

namespace nestbox {

/// One test a line, `name  environment  markers`, a topology or machines in the environment's
/// place, then how many there are. For a person; names are made printable.
void list_tests(const Selection& selection, const Definition& definition, std::ostream& output);

/// `{"version": 1, "tests": [{name, environment, markers, command, timeout, …}], "deselected": n}`.
void list_tests_json(const Selection& selection, const Definition& definition,
                     std::ostream& output);

/// How a run would be told to choose drivers.
struct DriverWish {
  std::string driver = "auto";
  std::string markers{};  ///< what `-m` says
  AcceleratorPolicy accelerator = AcceleratorPolicy::prefer;
};

/// One test a line: on which driver it would run and why, or why it would not. Asks drivers whether
/// they work here, which may take seconds. Throws Error.
void list_explained(Selection selection, const Definition& definition, const DriverWish& wish,
                    const DriverRegistry& drivers, std::ostream& output);

}  // namespace nestbox
