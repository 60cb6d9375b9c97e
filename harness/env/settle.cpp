#include "harness/env/settle.hpp"

#include <fmt/format.h>

#include "harness/base/log.hpp"

namespace nestbox {
namespace {

constexpr auto k_patience = std::chrono::minutes(2);

/// A unit that failed is the environment's own affair (is-system-running then says 'degraded' and
/// fails). udevd ends its idle workers when told to reload; else it would do so some seconds later,
/// in every clone.
constexpr const char* k_script = R"(
udevadm settle
systemctl is-system-running --wait
udevadm control --reload
true
)";

}  // namespace

void settle(Machine& machine, const Environment& environment, const CancelToken& cancel) {
  if (environment.init != Init::systemd || machine.spec().windows)
    return;
  const CommandResult result = machine.transport().run({.argv = {"/bin/sh", "-c", k_script}}, {},
                                                       Deadline::after(k_patience), cancel);
  if (result.timed_out)
    log(LogLevel::warning,
        fmt::format("environment '{}' has not come to rest within two minutes of its boot: "
                    "something in it is still starting",
                    environment.name));
}

void settle_for_save(Machine& machine, const Environment& environment, const CancelToken& cancel) {
  settle(machine, environment, cancel);
  if (machine.spec().windows)
    return;
  machine.transport().run({.argv = {"/bin/sh", "-c", "true"}}, {}, Deadline::after(k_patience),
                          cancel);
}

}  // namespace nestbox
