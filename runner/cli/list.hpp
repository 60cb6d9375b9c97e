#pragma once

#include <iosfwd>
#include <vector>

#include "harness/model/definition.hpp"
#include "runner/selection.hpp"

namespace nestbox {

/// One test a line, `name  [environment]  markers`, then how many there are. For a person; names
/// are made printable.
void list_tests(const Selection& selection, std::ostream& output);

/// `{"version": 1, "tests": [{name, environment, markers, command, timeout, …}], "deselected": n}`.
void list_tests_json(const Selection& selection, std::ostream& output);

}  // namespace nestbox
