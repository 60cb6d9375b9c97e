#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/base/units.hpp"
#include "runner/docker_machine/client.hpp"
#include "runner/docker_machine/engine.hpp"

namespace nestbox {

/// One call of docker-machine, taken apart. A driver's options that mean nothing here are left out.
struct DockerMachineCall {
  std::string command;         ///< "create", "ls", …; "help" and "version", too
  std::string storage_path{};  ///< --storage-path, which comes before the command
  std::vector<std::string>
      names{};            ///< of machines; where none is given, as docker-machine: "default"
  bool quiet = false;     ///< ls -q
  bool force = false;     ///< rm -f: also what is not there
  CopyOptions copy{};     ///< scp
  bool unset = false;     ///< env -u
  bool no_proxy = false;  ///< env --no-proxy
  std::string format{};   ///< inspect -f, ls -f
  std::vector<std::string> filters{};  ///< ls --filter
  std::string shell{};                 ///< env --shell
  std::string driver{};                ///< create -d
  EngineOptions engine{};              ///< create --engine-…, --tls-san
  std::optional<Bytes> memory{};       ///< create: from any driver's option for it
  std::optional<int> cores{};
  std::string environment{};         ///< create --nestbox-environment
  std::vector<std::string> words{};  ///< ssh: the remote command; scp: both paths

  bool operator==(const DockerMachineCall&) const = default;
};

/// Takes apart what stands behind `nestbox docker-machine`; pure. Error(usage), and
/// Error(unsupported) for what that tool can and this cannot.
DockerMachineCall parse_docker_machine(const std::vector<std::string>& words);

/// For `help`.
std::string docker_machine_usage();

}  // namespace nestbox
