#include "vmdrivers/qemu/probe.hpp"

#include <algorithm>

#include "harness/base/filesystem.hpp"
#include "harness/base/subprocess.hpp"

namespace nestbox::qemu {
namespace {

constexpr char k_busybox[] = "/bin/busybox";
constexpr char k_loop[] = "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done";
constexpr int k_rounds = 3;

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
