#include <thread>

#include "benchmarks/child.hpp"
#include "benchmarks/measures.hpp"
#include "benchmarks/raw_qemu.hpp"
#include "benchmarks/sample.hpp"

namespace nestbox::bench {

namespace {

constexpr int k_tests = 100;
constexpr int k_listed = 100'000;

void write_script(const fs::path& path, const std::string& header, const std::string& body) {
  write_file_atomically(path, "#!/bin/sh\n# nestbox: " + header + "\n" + body + "\n");
  fs::permissions(path, fs::perms::owner_all);
}

/// The program with its runs kept in a directory that goes away.
std::map<std::string, std::string> own_state(const TemporaryDirectory& directory) {
  return {{"XDG_STATE_HOME", (directory.path() / "state").string()}, {"NO_COLOR", "1"}};
}

void measure_program(Lab& lab, std::vector<Row>& rows) {
  const std::string program = lab.program().string();
  const TemporaryDirectory directory("nestbox-bench");
  const auto variables = own_state(directory);

  PreparedEnvironment& debian = *lab.environment("debian");
  const fs::path empty = directory.path() / "empty";
  fs::create_directories(empty);
  const auto fork_itself = [&] {
    const Stopwatch stopwatch;
    const auto machine = new_machine(debian);
    run_in(*machine, {"true"}, stopwatch);
    return stopwatch.milliseconds();
  };
  const auto run_true = [&] {
    return run_child({program, "run", "--accel", "never", "--", "true"}, empty, variables).wall;
  };
  const auto pair = interleaved_medians({fork_itself, run_true}, 20, 2);
  rows[0].value = pair[1] - pair[0];
  rows[0].parts = {{"fork and true ms", pair[0]}, {"nestbox run -- true ms", pair[1]}};

  const fs::path suite = directory.path() / "suite";
  fs::create_directories(suite);
  for (int i = 0; i < k_tests; ++i)
    write_script(suite / ("test_" + std::to_string(i) + ".sh"), "environment=tiny", "echo hello");
  const auto snapshot = lab.environment("tiny")->template_snapshot();
  if (!snapshot)
    throw Error(ErrorCode::unsupported, "there is no template to restore");
  const RawQemu floor(*snapshot);
  const double cores = std::thread::hardware_concurrency();
  const auto forks = [&] {
    std::vector<double> cpu;
    for (int i = 0; i < 10; ++i)
      cpu.push_back(floor.run({"echo", "hello"}).cpu);
    return k_tests * median(std::move(cpu)) / cores;
  };
  const auto hundred = [&] {
    return run_child({program, "run", "--accel", "never", "."}, suite, variables).wall;
  };
  const auto medians = interleaved_medians({forks, hundred}, 3);
  rows[1].value = medians[1] / medians[0];
  rows[1].parts = {{"100 forks' CPU time over cores ms", medians[0]}, {"100 tests ms", medians[1]}};
}

void measure_listing(Lab& lab, std::vector<Row>& rows) {
  const TemporaryDirectory directory("nestbox-bench");
  for (int i = 0; i < k_listed; ++i) {
    const fs::path folder = directory.path() / "tests" / std::to_string(i / 1000);
    if (i % 1000 == 0)
      fs::create_directories(folder);
    const char* marker = i % 10 == 0 ? "slow" : i % 2 == 0 ? "vm" : "network";
    FILE* file = std::fopen((folder / ("test_" + std::to_string(i) + ".sh")).c_str(), "w");
    if (!file)
      throw system_error("cannot write a script", errno);
    std::fprintf(file, "#!/bin/sh\n# nestbox: markers=%s timeout=1m\ntrue\n", marker);
    std::fclose(file);
  }
  std::vector<double> memory;
  const auto list = [&] {
    const ChildReport report =
        run_child({lab.program().string(), "list", "tests", "-m", "vm and not slow"},
                  directory.path(), own_state(directory));
    memory.push_back(report.peak_memory);
    return report.wall / 1000;
  };
  rows[0].value = interleaved_medians({list}, 5)[0];
  rows[1].value = median(memory);
}

}  // namespace

Group program() {
  return {
      "program",
      {{"run_true_over_fork", "ms", at_most(60)}, {"hundred_tests_vs_forks", "x", at_most(1.5)}},
      measure_program};
}

Group listing() {
  return {"listing",
          {{"list_100000_tests", "s", at_most(1)}, {"list_100000_memory", "MB", at_most(300)}},
          measure_listing};
}

}  // namespace nestbox::bench
