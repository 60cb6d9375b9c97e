#pragma once

#include <string>
#include <vector>

#include "runner/docker_machine/machine_store.hpp"

/// What docker-machine's commands print and execute for a kept machine; pure.
namespace nestbox {

/// argv of the ssh program. It joins `words` by blanks, and takes those that begin with '-' and
/// stand first for options of its own, as docker-machine has it.
std::vector<std::string> ssh_argv(const MachineStore& store, const KeptMachine& machine,
                                  const std::vector<std::string>& words);

/// argv of the scp program. `paths` are of this host, or of a machine, as "NAME:PATH"; all of a
/// machine are of one and the same, `machine`.
std::vector<std::string> scp_argv(const MachineStore& store, const KeptMachine& machine,
                                  const std::vector<std::string>& paths, bool recursive);

/// The machine that "NAME:PATH" names; empty: it is a path of this host.
std::string machine_of_path(const std::string& path);

/// docker-machine's own description, as JSON.
std::string inspect_json(const MachineStore& store, const KeptMachine& machine);

/// A Go template, as far as `inspect -f` is used: text, {{.Field.Field}}, {{json .Field}} and
/// {{prettyjson .Field}}; "." is all. Error(usage).
std::string format_inspected(const std::string& json, const std::string& text);

/// Lines for a shell to evaluate, so that its docker is the machine's; `shell` is "fish", or one
/// that speaks as sh does.
std::string environment_lines(const MachineStore& store, const KeptMachine& machine,
                              const std::string& shell);
/// So that it is that of this host again.
std::string unset_lines(const std::string& shell);

/// DOCKER_HOST of the machine's docker.
std::string docker_url(const MachineStore& store, const KeptMachine& machine);

}  // namespace nestbox
