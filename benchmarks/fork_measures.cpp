#include "benchmarks/measures.hpp"
#include "benchmarks/raw_qemu.hpp"
#include "benchmarks/sample.hpp"
#include "harness/env/warm_pool.hpp"

namespace nestbox::bench {

namespace {

const std::vector<std::string> k_hello = {"echo", "hello"};

/// A machine of its own for one command: request to first byte.
double forked(PreparedEnvironment& environment) {
  const Stopwatch stopwatch;
  const auto machine = new_machine(environment);
  return run_in(*machine, k_hello, stopwatch).first_byte;
}

double booted(PreparedEnvironment& environment) {
  const Stopwatch stopwatch;
  const auto machine = new_machine(environment, Isolation::fresh);
  return run_in(*machine, k_hello, stopwatch).first_byte;
}

RawQemu floor_of(PreparedEnvironment& environment) {
  const auto snapshot = environment.template_snapshot();
  if (!snapshot)
    throw Error(ErrorCode::unsupported, "there is no template to restore");
  return RawQemu(*snapshot);
}

void measure_tiny(Lab& lab, std::vector<Row>& rows) {
  PreparedEnvironment& tiny = *lab.environment("tiny");
  const RawQemu floor = floor_of(tiny);
  const auto ours = [&] { return forked(tiny); };
  const auto raw = [&] { return floor.run(k_hello).first_byte; };

  const auto pair = interleaved_medians({raw, ours}, 30, 3);
  rows[0].value = pair[1] / pair[0];
  rows[0].parts = {{"floor ms", pair[0]}, {"fork ms", pair[1]}};

  DockerPeer& docker = lab.docker();
  const auto peer =
      interleaved_medians({[&] { return docker.first_byte("echo", "hello"); }, ours}, 20, 2);
  rows[1].value = peer[1] / peer[0];
  rows[1].parts = {{"docker run ms", peer[0]}, {"fork ms", peer[1]}};
}

void measure_debian(Lab& lab, std::vector<Row>& rows) {
  PreparedEnvironment& debian = *lab.environment("debian-systemd");
  const RawQemu floor = floor_of(debian);
  const auto pair = interleaved_medians(
      {[&] { return floor.run(k_hello).first_byte; }, [&] { return forked(debian); }}, 15, 2);
  rows[0].value = pair[1] / pair[0];
  rows[0].parts = {{"floor ms", pair[0]}, {"fork ms", pair[1]}};

  // Two at once: pages that only one process maps would count as its own, though they are the
  // template's.
  const auto one = new_machine(debian);
  const auto other = new_machine(debian);
  rows[2].value = static_cast<double>(one->private_memory().count) / 1e6;
  rows[2].parts = {{"template MB", static_cast<double>(debian.definition().memory.count) / 1e6}};

  const auto boots =
      interleaved_medians({[&] { return booted(debian); }, [&] { return forked(debian); }}, 3, 0);
  rows[1].value = boots[0] / boots[1];
  rows[1].parts = {{"cold boot ms", boots[0]}, {"fork ms", boots[1]}};
}

void measure_pool(Lab& lab, std::vector<Row>& rows) {
  WarmPool pool(lab.environment("tiny"), {});
  // What is measured begins with a full pool and an idle host: refilling is what happens between
  // tests.
  const auto pooled = [&] {
    pool.await_full(patience());
    return forked(pool);
  };
  DockerPeer* docker = nullptr;
  const auto peer = [&] {
    pool.await_full(patience());
    return docker->first_byte("echo", "hello");
  };
  rows[0].value = interleaved_medians({pooled}, 30, 3)[0];

  docker = &lab.docker();
  const auto pair = interleaved_medians({peer, pooled}, 20, 2);
  rows[1].value = pair[1] / pair[0];
  rows[1].parts = {{"docker run ms", pair[0]}, {"from the pool ms", pair[1]}};
}

}  // namespace

Group tiny_pool() {
  return {"pool",
          {{"tiny_pool", "ms", at_most(40)}, {"tiny_pool_vs_docker", "x", at_most(0.25)}},
          measure_pool};
}

Group tiny_forks() {
  return {"tiny",
          {{"tiny_fork_vs_floor", "x", at_most(1.25)}, {"tiny_fork_vs_docker", "x", at_most(0.8)}},
          measure_tiny};
}

Group debian_forks() {
  return {"debian",
          {{"debian_fork_vs_floor", "x", at_most(1.25)},
           {"debian_cold_boot_vs_fork", "x", at_least(30)},
           {"debian_private_memory", "MB", at_most(80)}},
          measure_debian};
}

}  // namespace nestbox::bench
