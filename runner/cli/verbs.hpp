#pragma once

#include <string>
#include <vector>

namespace nestbox {

/// The commands that drive a test's world from a program on this host: exec, copy, wait-for,
/// barrier, machines, net.
const std::vector<std::string>& verb_names();

/// `nestbox exec …` and its like: asks the nestbox that runs this test, or prints the verb's help.
/// `words`: all that stands behind `nestbox`. The exit code; Error(not_found) outside of a world.
int do_verb(const std::vector<std::string>& words);

/// One line for `nestbox --help`.
std::string verb_summary(const std::string& name);

}  // namespace nestbox
