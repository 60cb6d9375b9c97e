#include "benchmarks/measures.hpp"
#include "benchmarks/sample.hpp"
#include "harness/base/socket_pair.hpp"
#include "harness/env/machine_identity.hpp"
#include "harness/env/run_together.hpp"
#include "harness/env/topology_environment.hpp"
#include "harness/model/definition_loader.hpp"

namespace nestbox::bench {

namespace {

constexpr const char* k_definition = R"(
version: 1
topologies:
  trio:
    networks:
      lan: {}
    machines:
      a: {environment: tiny, networks: [lan]}
      b: {environment: tiny, networks: [lan]}
      c: {environment: tiny, networks: [lan]}
    setup:
      - {on: a, run: ping -c 1 c}
  pair:
    networks:
      lan: {}
    machines:
      a: {environment: tiny, networks: [lan]}
      b: {environment: tiny, networks: [lan]}
)";

/// TCP from one guest to the other: port 5000 is 1388 where the kernel lists who listens.
constexpr const char* k_take =
    "nc -l -p 5000 > /dev/null 2>&1 & "
    "until grep -q ':1388 .* 0A' /proc/net/tcp /proc/net/tcp6; do :; done";
constexpr const char* k_send = "dd if=/dev/zero bs=64k count=768 2> /dev/null | nc 10.90.0.2 5000";
constexpr double k_megabits = 48 * 1.048576 * 8;

const Definition& definition() {
  static const Definition loaded = load_definition(k_definition, "benchmarks").value();
  return loaded;
}

/// From the request to the first byte of all machines' answers.
double world_answered(PreparedTopology& topology) {
  const Stopwatch stopwatch;
  const auto world = topology.world({.run_name = "bench"}, patience(), CancelToken());
  std::vector<CancellableTask> tasks;
  for (const TopologyMachine& machine : topology.definition().machines)
    tasks.push_back([&](const CancelToken&) {
      run_in(world->machine(machine.name), {"echo", "hello"}, stopwatch);
    });
  run_together(tasks, CancelToken());
  return stopwatch.milliseconds();
}

double one_answered(PreparedEnvironment& environment) {
  const Stopwatch stopwatch;
  const auto machine = new_machine(environment);
  run_in(*machine, {"echo", "hello"}, stopwatch);
  return stopwatch.milliseconds();
}

/// Megabits a second of one connection.
double bandwidth(Machine& from, Machine& to) {
  const CommandResult listening = to.transport().run(
      {.argv = {"sh", "-c", k_take}, .leaves_running = true}, {}, patience(), CancelToken());
  if (listening.timed_out || !listening.status.success())
    throw Error(ErrorCode::infrastructure, "the guest does not listen");
  const Stopwatch stopwatch;
  run_in(from, {"sh", "-c", k_send}, stopwatch);
  return k_megabits / stopwatch.milliseconds() * 1000;
}

/// The machines of the pair, wired straight to each other.
std::vector<std::unique_ptr<Machine>> straight_pair(Lab& lab) {
  const auto environment = lab.environment("tiny", 1);
  const SocketPair cable;
  std::vector<std::unique_ptr<Machine>> machines;
  for (const TopologyMachine& machine : definition().topologies.at("pair").machines) {
    MachineOptions options;
    options.name = "straight-" + machine.name;
    options.identity = fresh_identity(machine.name);
    options.identity->interfaces.push_back(
        {.mac = machine.links[0].mac, .addresses = machine.links[0].addresses, .routes = {}});
    options.cables = {machines.empty() ? cable.ours.get() : cable.theirs.get()};
    machines.push_back(environment->machine(options, patience(), CancelToken()));
  }
  return machines;
}

void measure_worlds(Lab& lab, std::vector<Row>& rows) {
  PreparedEnvironment& tiny = *lab.environment("tiny");
  PreparedTopology& trio = *lab.topology(definition(), "trio");
  const auto forks = interleaved_medians(
      {[&] { return one_answered(tiny); }, [&] { return world_answered(trio); }}, 20, 2);
  rows[0].value = forks[1] / forks[0];
  rows[0].parts = {{"one fork ms", forks[0]}, {"three machines ms", forks[1]}};

  const auto straight = straight_pair(lab);
  const auto pair =
      lab.topology(definition(), "pair")->world({.run_name = "bench"}, patience(), CancelToken());
  const auto bandwidths =
      interleaved_medians({[&] { return bandwidth(*straight[0], *straight[1]); },
                           [&] { return bandwidth(pair->machine("a"), pair->machine("b")); }},
                          9, 1);
  rows[1].value = bandwidths[1] / bandwidths[0];
  rows[1].parts = {{"straight Mbit/s", bandwidths[0]}, {"switched Mbit/s", bandwidths[1]}};
}

}  // namespace

Group worlds() {
  return {"world",
          {{"world_fork_vs_one_fork", "x", at_most(3.5)},
           {"world_bandwidth_vs_direct", "x", at_least(0.9)}},
          measure_worlds};
}

}  // namespace nestbox::bench
