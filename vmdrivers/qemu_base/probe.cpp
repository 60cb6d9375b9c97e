#include "vmdrivers/qemu_base/probe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "harness/base/filesystem.hpp"
#include "harness/base/subprocess.hpp"

namespace nestbox::qemu {
namespace {

constexpr char k_busybox[] = "/bin/busybox";
constexpr int k_turns = 30'000;
/// The loop of the host is that much longer: both then take about as long under emulation, and what
/// else the host does slows both down alike.
constexpr int k_host_turns = 15;
constexpr int k_rounds = 5;
constexpr double k_most_slowdown = 20;

constexpr std::chrono::minutes k_longest_boot(2);
constexpr std::chrono::minutes k_measure_time(5);
constexpr std::chrono::seconds k_measured_enough(10);

using Seconds = std::chrono::duration<double>;

std::string loop(int turns) {
  return fmt::format("i=0; while [ $i -lt {} ]; do i=$((i+1)); done", turns);
}

template <class Run>
Seconds time_of(Run run) {
  const auto start = Deadline::Clock::now();
  run();
  return Deadline::Clock::now() - start;
}

}  // namespace

MachineSpec probe_machine(const std::pair<fs::path, fs::path>& guest) {
  MachineSpec spec;
  spec.name = "probe";
  spec.kernel = guest.first;
  spec.initramfs = guest.second;
  // A kernel that talks from its first instruction on: silence means that it does not run.
  spec.kernel_arguments = "loglevel=7 earlyprintk=ttyS0,115200";
  return spec;
}

void await_probe(QemuMachine& machine, std::chrono::seconds patience) {
  const Deadline end = Deadline::after(k_longest_boot);
  std::size_t printed = 0;
  while (true) {
    const Deadline deadline = earlier(end, Deadline::after(patience));
    const Result<void> answered = catch_error([&] { machine.transport().ping(deadline, {}); });
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

double measure_slowdown(Machine& machine) {
  const Deadline deadline = Deadline::after(k_measure_time);
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
  // The median, for either side may meet the host in a bad moment. The difference to an empty
  // script leaves out what it costs to start one.
  // A slow host, such as an emulated machine that nestbox runs in, has time for fewer rounds.
  std::vector<double> slowdowns;
  const Deadline enough = Deadline::after(k_measured_enough);
  do {
    const Seconds guest =
        time_of([&] { in_machine(loop(k_turns)); }) - time_of([&] { in_machine(":"); });
    const Seconds host =
        time_of([&] { here(loop(k_turns * k_host_turns)); }) - time_of([&] { here(":"); });
    slowdowns.push_back(host > Seconds(0) ? guest / host * k_host_turns : 1);
  } while (slowdowns.size() < k_rounds && !enough.passed());
  const auto middle = slowdowns.begin() + static_cast<std::ptrdiff_t>(slowdowns.size() / 2);
  std::ranges::nth_element(slowdowns, middle);
  return std::clamp(*middle, 1.0, k_most_slowdown);
}

}  // namespace nestbox::qemu
