#include "vmdrivers/qemu/probe.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "harness/base/filesystem.hpp"
#include "harness/base/subprocess.hpp"

namespace nestbox::qemu {
namespace {

constexpr char k_busybox[] = "/bin/busybox";
constexpr char k_loop[] = "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done";
constexpr int k_rounds = 3;

constexpr std::chrono::minutes k_longest_boot(2);

using Seconds = std::chrono::duration<double>;

/// The shortest of some rounds: what else the host does only ever adds.
template <class Run>
Seconds shortest(Run run) {
  Seconds best = Seconds::max();
  for (int round = 0; round < k_rounds; ++round) {
    const auto start = Deadline::Clock::now();
    run();
    best = std::min<Seconds>(best, Deadline::Clock::now() - start);
  }
  return best;
}

}  // namespace

void await_probe(QemuMachine& machine, std::chrono::seconds patience) {
  const Deadline end = Deadline::after(k_longest_boot);
  std::size_t printed = 0;
  while (true) {
    const Deadline deadline = earlier(end, Deadline::after(patience));
    const Result<void> answered = catch_error([&] { machine.transport().ping(deadline); });
    if (answered)
      return;
    if (machine.condition() != Condition::running)
      throw Error(ErrorCode::lost, machine.cause(answered.error()));
    const std::size_t now = machine.console().size();
    if (end.passed())
      throw Error(ErrorCode::timeout, fmt::format("a probe guest did not answer in {}",
                                                  format_duration(k_longest_boot)));
    if (now == printed)
      throw Error(ErrorCode::timeout,
                  fmt::format("a probe guest printed nothing {} {}", now == 0 ? "in" : "more for",
                              format_duration(patience)));
    printed = now;
  }
}

double measure_slowdown(Machine& machine, Deadline deadline) {
  const TemporaryDirectory directory("nestbox-probe");
  machine.transport().get(k_busybox, directory.path(), mebibytes(16), deadline, {});
  const fs::path busybox = directory.path() / "busybox";
  fs::permissions(busybox, fs::perms::owner_all);

  const auto in_machine = [&](const char* script) {
    return shortest([&] {
      machine.transport().run({{k_busybox, "sh", "-c", script}}, {}, deadline, {});
    });
  };
  const auto here = [&](const char* script) {
    return shortest([&] { run_captured({{busybox.string(), "sh", "-c", script}}, deadline); });
  };
  // The difference to an empty script leaves out what it costs to start one.
  const Seconds guest = in_machine(k_loop) - in_machine(":");
  const Seconds host = here(k_loop) - here(":");
  return std::clamp(host > Seconds(0) ? guest / host : 1.0, 1.0, 20.0);
}

}  // namespace nestbox::qemu
