#include "harness/vm/bounds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace nestbox {

std::optional<MachineSize> given(const Bounds& bounds, MachineSize wanted) {
  if (!bounds.sizes)
    return wanted;
  const auto fits = std::ranges::find_if(*bounds.sizes, [&](const MachineSize& offered) {
    return offered.cores >= wanted.cores && offered.memory >= wanted.memory;
  });
  return fits == bounds.sizes->end() ? std::nullopt : std::optional(*fits);
}

std::optional<std::string> beyond(const Bounds& bounds, const std::vector<MachineSize>& wanted) {
  const auto says = [&](const std::string& what) { return what + ": see " + bounds.raised_by; };
  if (std::cmp_greater(wanted.size(), bounds.machines))
    return says(
        fmt::format("may have {} machines at once, not {}", bounds.machines, wanted.size()));
  std::int64_t cores = 0;
  Bytes memory;
  for (const MachineSize& size : wanted) {
    const std::optional<MachineSize> is = given(bounds, size);
    if (!is)
      return says(fmt::format("has no machine with {} core{} and {}", size.cores,
                              size.cores == 1 ? "" : "s", format_bytes(size.memory)));
    cores += is->cores;
    memory = memory + is->memory;
  }
  if (cores > bounds.cores)
    return says(fmt::format("may have {} cores at once, not {}", bounds.cores, cores));
  if (memory > bounds.memory)
    return says(fmt::format("may have {} of memory at once, not {}", format_bytes(bounds.memory),
                            format_bytes(memory)));
  return std::nullopt;
}

}  // namespace nestbox
