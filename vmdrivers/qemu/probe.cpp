#include "vmdrivers/qemu/probe.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "harness/base/filesystem.hpp"
#include "harness/base/subprocess.hpp"

namespace nestbox::qemu {
namespace {

constexpr char k_busybox[] = "/bin/busybox";
constexpr int k_turns = 30'000;
/// The loop of the host is that much longer: both then take about as long under emulation, and what
/// else the host does slows both down alike.
constexpr int k_host_turns = 15;
constexpr int k_rounds = 3;
constexpr double k_most_slowdown = 20;

constexpr std::chrono::minutes k_longest_boot(2);

using Seconds = std::chrono::duration<double>;

std::string loop(int turns) {
  return fmt::format("i=0; while [ $i -lt {} ]; do i=$((i+1)); done", turns);
}

template <class Run>
void time_into(Seconds& shortest, Run run) {
  const auto start = Deadline::Clock::now();
  run();
  shortest = std::min<Seconds>(shortest, Deadline::Clock::now() - start);
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

  const auto in_machine = [&](const std::string& script) {
    machine.transport().run({{k_busybox, "sh", "-c", script}}, {}, deadline, {});
  };
  const auto here = [&](const std::string& script) {
    run_captured({{busybox.string(), "sh", "-c", script}}, deadline);
  };
  Seconds guest_loop = Seconds::max();
  Seconds guest_start = Seconds::max();
  Seconds host_loop = Seconds::max();
  Seconds host_start = Seconds::max();
  for (int round = 0; round < k_rounds; ++round) {
    time_into(guest_loop, [&] { in_machine(loop(k_turns)); });
    time_into(host_loop, [&] { here(loop(k_turns * k_host_turns)); });
    time_into(guest_start, [&] { in_machine(":"); });
    time_into(host_start, [&] { here(":"); });
  }
  // The difference to an empty script leaves out what it costs to start one.
  const Seconds guest = guest_loop - guest_start;
  const Seconds host = (host_loop - host_start) / k_host_turns;
  return std::clamp(host > Seconds(0) ? guest / host : 1.0, 1.0, k_most_slowdown);
}

}  // namespace nestbox::qemu
