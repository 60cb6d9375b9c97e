#pragma once

#include <string>
#include <vector>

#include "harness/env/verb_executor.hpp"
#include "harness/env/verb_output.hpp"

/// What the execution of every verb is made of.
namespace nestbox {

struct VerbContext {
  World& world;
  const VerbCaller& caller;
  const VerbIo& io;
  VerbOutput& output;
  Deadline deadline;
  const CancelToken& cancel;
};

/// `command` with the machine's directory, and the variables of its environment and of its place
/// below those that it has itself.
Command placed(const VerbContext& context, const std::string& machine, Command command);

/// Runs it. Throws Error(lost), with the machine's name and how it ended; Error(cancelled).
CommandResult run_on(const VerbContext& context, const std::string& machine, const Command& command,
                     const CommandIo& io, Deadline deadline, const CancelToken& cancel);

/// What a short script of ours prints, at most 64 KiB; `arguments` are $1 and on. Throws the same,
/// and Error(infrastructure) when it fails.
std::string ask(const VerbContext& context, const std::string& machine, const std::string& script,
                const std::vector<std::string>& arguments, const CancelToken& cancel);

int execute_copy(const VerbContext& context, const CopyVerb& verb);
int execute_wait(const VerbContext& context, const WaitForVerb& verb);
int execute_net(const VerbContext& context, const NetVerb& verb);

}  // namespace nestbox
