#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace nestbox::bench {

/// A program run to its end, as seen from outside.
struct ChildReport {
  double first_byte =
      0;  ///< milliseconds from before the start to the first byte of its stdout; 0: none came
  double wall = 0;         ///< milliseconds to its end
  double cpu = 0;          ///< milliseconds of CPU time, its own waited-for children included
  double peak_memory = 0;  ///< MB
  std::string output;      ///< stdout
};

/// Runs it and takes its measures. Throws Error, with what it wrote to stderr, when it does not
/// exit with 0. Starts it by posix_spawn alone, so that nothing of the harness is in the figures of
/// its peers.
ChildReport run_child(const std::vector<std::string>& argv,
                      const std::filesystem::path& working_directory,
                      const std::map<std::string, std::string>& variables = {});

}  // namespace nestbox::bench
