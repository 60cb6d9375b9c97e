#pragma once

#include <functional>
#include <string>
#include <vector>

#include "harness/vm/driver_registry.hpp"

namespace nestbox {

/// A command with a grammar of its own: all words are its.
struct ForeignCommand {
  std::string name;
  std::string summary;  ///< a line for `nestbox --help`; empty: not for people
  /// Does what `words`, those behind the name, ask; the exit code. Throws Error.
  std::function<int(const std::vector<std::string>& words)> run;
};

/// The whole program, but for which drivers there are: parses `arguments` (without the program's
/// name), does what they ask and returns the exit code. Errors go to stderr; never throws.
int run_program(const std::vector<std::string>& arguments, const DriverRegistry& drivers,
                const std::vector<ForeignCommand>& foreign = {});

}  // namespace nestbox
