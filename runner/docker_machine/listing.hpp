#pragma once

#include <map>
#include <string>
#include <vector>

/// What docker-machine's `ls` prints; pure.
namespace nestbox {

struct ListedMachine {
  std::string name;
  std::string driver{};
  std::string state{};  ///< "Running", "Starting", "Stopped", "Error"
  std::string url{};    ///< of its docker, when there is one
  std::vector<std::string> labels{};
  std::string docker_version{};
  std::string error{};
  bool active = false;  ///< DOCKER_HOST is its docker

  bool operator==(const ListedMachine&) const = default;
};

/// What `--filter KEY=VALUE` asked for: driver, state, label ("key=value"), name (a regular
/// expression) or swarm. One of the values of each key must fit.
class ListFilter {
public:
  /// Error(usage).
  explicit ListFilter(const std::vector<std::string>& filters);
  bool fits(const ListedMachine& machine) const;

private:
  std::map<std::string, std::vector<std::string>> m_values;  ///< by their keys
};

/// A line for each, by a Go template over Name, Active, ActiveHost, DriverName, State, URL, Swarm,
/// DockerVersion and Error; columns below headings when that begins with "table", or is empty.
/// Error(usage).
std::string list_machines(const std::vector<ListedMachine>& machines, const std::string& format);

}  // namespace nestbox
