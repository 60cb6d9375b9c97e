#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/base/error.hpp"
#include "harness/model/machine_access.hpp"

namespace nestbox {

/// A variable that is made from the machines of a test (`expose`), for suites that expect to be
/// told of them in words of their own. Its text has placeholders: {key}, {known_hosts} and
/// {ssh_config} are files; {core0.address} is a field of machine 'core0', one of name, address,
/// user, host and port; {{ and }} are braces.
struct ExposedVariable {
  std::string text;
  /// Set: the text is filled in for each machine that the test drives, whose fields are {name},
  /// {address} and so on, and the results are joined by this.
  std::optional<std::string> join{};

  bool operator==(const ExposedVariable&) const = default;
};

/// What is wrong with its text, for tests with these machines; nothing when all is well.
std::optional<Error> flaw_in(const ExposedVariable& variable,
                             const std::vector<std::string>& machines);

/// Its value. `machines`: all of them; `driven`: those that stand for "each".
std::string value_of(const ExposedVariable& variable, const std::vector<MachineAccess>& machines,
                     const std::vector<MachineAccess>& driven, const AccessFiles& files);

}  // namespace nestbox
