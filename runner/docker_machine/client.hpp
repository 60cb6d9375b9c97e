#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runner/docker_machine/machine_store.hpp"

/// What docker-machine's commands print and execute for a kept machine; pure.
namespace nestbox {

/// argv of the ssh program. It joins `words` by blanks, and takes those that begin with '-' and
/// stand first for options of its own, as docker-machine has it.
std::vector<std::string> ssh_argv(const MachineStore& store, const KeptMachine& machine,
                                  const std::vector<std::string>& words);

/// One side of a copy: a path of this host, or of a machine, as "[USER@]NAME:PATH".
struct CopyPath {
  std::string path;
  std::string user{};                    ///< empty: the machine's own
  std::optional<std::string> machine{};  ///< its name
  bool operator==(const CopyPath&) const = default;
};
CopyPath parse_copy_path(const std::string& text);

struct CopyOptions {
  bool recursive = false;
  bool delta = false;  ///< by rsync, which sends what has changed
  bool quiet = false;
  bool operator==(const CopyOptions&) const = default;
};
/// argv of the program that copies, by way of this host when both sides are machines'. `machines`:
/// those that are named, once each. Error(unsupported) for a delta between two machines.
std::vector<std::string> copy_argv(const MachineStore& store,
                                   const std::vector<KeptMachine>& machines, const CopyPath& from,
                                   const CopyPath& to, const CopyOptions& options);

/// docker-machine's own description, as JSON.
std::string inspect_json(const MachineStore& store, const KeptMachine& machine);

/// Whom no proxy is asked for, and the variable that says so: NO_PROXY or no_proxy.
struct NoProxy {
  std::string variable;
  std::string hosts;
};

/// Lines for a shell to evaluate, so that its docker is the machine's; `shell` is one of "bash"
/// (and all that speak as sh does), "fish", "tcsh". `no_proxy`: the machine is to be one of these,
/// too. Error(unsupported) for docker-machine's other shells.
std::string environment_lines(const MachineStore& store, const KeptMachine& machine,
                              const std::string& shell,
                              const std::optional<NoProxy>& no_proxy = {});
/// So that it is that of this host again.
std::string unset_lines(const std::string& shell);

/// Options for a docker that is to speak to the machine's.
std::string docker_options(const MachineStore& store, const KeptMachine& machine);

/// DOCKER_HOST of the machine's docker; empty while it is not ready.
std::string docker_url(const KeptMachine& machine);

}  // namespace nestbox
