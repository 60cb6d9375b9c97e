#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/units.hpp"

namespace nestbox {

/// How large a machine is, or is to be at least.
struct MachineSize {
  int cores = 0;
  Bytes memory;

  bool operator==(const MachineSize&) const = default;
};

/// What a driver's machines are bounded by, whatever this host has. By itself: nothing.
struct Bounds {
  /// That they come in: the first that fits is taken.
  std::optional<std::vector<MachineSize>> sizes{};
  int machines = std::numeric_limits<int>::max();  ///< at once, and together no more than those:
  int cores = std::numeric_limits<int>::max();
  Bytes memory{std::numeric_limits<std::uint64_t>::max()};
  std::string raised_by{};  ///< for a person: "'max_cores' in '…/ec2.yml'"

  bool operator==(const Bounds&) const = default;
};

/// What a machine is that is to be at least so large; nothing when there is none.
std::optional<MachineSize> given(const Bounds& bounds, MachineSize wanted);

/// Why there can never be all of these machines at once, as what follows "it": "has no machine with
/// 64 cores and 1GiB (…)"; nothing when there can.
std::optional<std::string> beyond(const Bounds& bounds, const std::vector<MachineSize>& wanted);

}  // namespace nestbox
