#include <sys/utsname.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <thread>

#include "benchmarks/measures.hpp"

namespace {

using namespace nestbox;
using namespace nestbox::bench;

std::map<std::string, std::string> host(Lab& lab) {
  utsname names{};
  uname(&names);
  return {{"kernel", names.release},
          {"cores", std::to_string(std::thread::hardware_concurrency())},
          {"driver", lab.driver().availability().reason}};
}

void fill(Lab& lab, Group& group) {
  try {
    group.measure(lab, group.rows);
  } catch (const Error& error) {
    for (Row& row : group.rows)
      if (!row.value)
        row.reason = error.render();
    std::fprintf(stderr, "%s: %s\n", group.name.c_str(), error.render().c_str());
  }
}

int run(int argc, char** argv) {
  std::string program;
  std::string json;
  std::vector<std::string> chosen;
  CLI::App app("Measures what nestbox promises, against floors and peers in the same run");
  app.add_option("--nestbox", program, "the program to measure")->required();
  app.add_option("--json", json, "also write the rows to this file");
  app.add_option("groups", chosen, "only these groups of rows");
  CLI11_PARSE(app, argc, argv);

  std::vector<Group> groups = {tiny_forks(),    tiny_pool(),      debian_forks(),
                               libvirt_forks(), agent(),          bench::program(),
                               listing(),       network_switch(), worlds()};
  if (!chosen.empty())
    std::erase_if(groups, [&](const Group& group) {
      return std::find(chosen.begin(), chosen.end(), group.name) == chosen.end();
    });

  Lab lab(fs::absolute(program));
  std::vector<Row> rows;
  std::printf("%s\n", table_head().c_str());
  for (Group& group : groups) {
    fill(lab, group);
    for (Row& row : group.rows) {
      std::printf("%s\n", table_line(row).c_str());
      rows.push_back(std::move(row));
    }
    std::fflush(stdout);
  }
  if (!json.empty())
    write_file_atomically(json, to_json(rows, host(lab)));
  return std::all_of(rows.begin(), rows.end(), [](const Row& row) { return row.holds(); }) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const nestbox::Error& error) {
    std::fprintf(stderr, "nestbox_bench: %s\n", error.render().c_str());
    return 3;
  }
}
