#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "benchmarks/measures.hpp"
#include "benchmarks/sample.hpp"

namespace nestbox::bench {

namespace {

constexpr int k_files = 10'000;
constexpr std::size_t k_file_size = 10'000;  // 100 MB in all

/// Files of random bytes in folders of a hundred, all different.
std::vector<std::string> make_tree(const fs::path& root) {
  std::ifstream random("/dev/urandom", std::ios::binary);
  std::string content(k_file_size, '\0');
  std::vector<std::string> files;
  for (int i = 0; i < k_files; ++i) {
    const fs::path file = fs::path("d" + std::to_string(i / 100)) / ("f" + std::to_string(i));
    fs::create_directories(root / file.parent_path());
    random.read(content.data(), static_cast<std::streamsize>(content.size()));
    std::ofstream(root / file, std::ios::binary) << content;
    files.push_back(file.string());
  }
  return files;
}

/// The guest's own median, in milliseconds, by the program that measures it from inside.
double guest_fork_exec(Machine& machine) {
  const Stopwatch stopwatch;
  const std::string microseconds =
      run_in(machine, {"/bench/" NESTBOX_GUEST_PROGRAM, "20", "/bin/true"}, stopwatch).text;
  return std::stod(microseconds) / 1000;
}

double agent_true(Machine& machine) {
  std::vector<double> samples;
  for (int i = 0; i < 20; ++i) {
    const Stopwatch stopwatch;
    run_in(machine, {"/bin/true"}, stopwatch);
    samples.push_back(stopwatch.milliseconds());
  }
  return median(std::move(samples));
}

void measure(Lab& lab, std::vector<Row>& rows) {
  PreparedEnvironment& tiny = *lab.environment("tiny");
  const auto machine = new_machine(tiny);
  Transport& transport = machine->transport();

  const auto ping = [&] {
    const Stopwatch stopwatch;
    transport.ping(patience(), {});
    return stopwatch.milliseconds();
  };
  rows[0].value = interleaved_medians({ping}, 200, 20)[0];

  transport.put(NESTBOX_GUEST_PROGRAM_DIR, {NESTBOX_GUEST_PROGRAM}, "/bench", patience(), {});
  const auto pair = interleaved_medians(
      {[&] { return guest_fork_exec(*machine); }, [&] { return agent_true(*machine); }}, 7);
  rows[1].value = pair[1] / pair[0];
  rows[1].parts = {{"fork+exec in the guest ms", pair[0]}, {"true by the agent ms", pair[1]}};

  const TemporaryDirectory tree("nestbox-bench");
  const std::vector<std::string> files = make_tree(tree.path());
  // Into the environment that users put their trees in: 100 MB do not fit beside a tiny guest's
  // system.
  const auto put = [&] {
    const auto receiver = new_machine(*lab.environment("debian"));
    const Stopwatch stopwatch;
    receiver->transport().put(tree.path(), files, receiver->workspace() + "/tree", patience(), {});
    return stopwatch.milliseconds() / 1000;
  };
  rows[2].value = interleaved_medians({put}, 3)[0];
}

}  // namespace

Group agent() {
  return {"agent",
          {{"agent_ping", "ms", at_most(2)},
           {"agent_true_vs_guest", "x", at_most(1.3)},
           {"put_10000_files", "s", at_most(4)}},
          measure};
}

}  // namespace nestbox::bench
