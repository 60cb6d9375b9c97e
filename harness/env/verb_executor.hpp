#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "harness/base/clock.hpp"
#include "harness/env/world.hpp"
#include "harness/model/verb.hpp"
#include "harness/vm/transport.hpp"

namespace nestbox {

/// Where and with what a machine's commands run unless the verb says otherwise.
struct CommandPlace {
  std::string directory;                         ///< absolute, in the machine; empty: "/"
  std::map<std::string, std::string> variables;  ///< beside those of its environment
};

/// Who wants a verb done.
struct VerbCaller {
  std::string machine{};  ///< on which it runs; empty: the host
  /// What its relative paths begin at, absolute. On the host, what is read lies below `directory`,
  /// and what is written below `output_directory`, when `confined`; symbolic links lead nowhere
  /// else.
  fs::path directory = "/";
  fs::path output_directory = "/";
  bool confined = false;
  /// Asked before each command, on the calling thread; absent: "/" and no variables.
  std::function<CommandPlace(const std::string& machine)> place{};
};

/// Whether lines of output begin with "name | ".
enum class LineNames { when_several, always, never };

struct VerbIo {
  /// `machine`: whose output it is; empty: that of the verb itself. Whole lines when machines are
  /// several or named. One call at a time; may block, which holds the commands back.
  std::function<void(const std::string& machine, OutputStream, std::string_view bytes)> output{};
  /// Told how each command of `exec` ended, before `execute` returns. One call at a time, on any
  /// thread.
  std::function<void(const std::string& machine, const CommandResult& result)> ended{};
  LineNames line_names = LineNames::when_several;
  int input = -1;  ///< of `exec` on one machine: read to its end; -1: empty
};

/// Does the verb; returns its exit code: of several commands the first, in the order of the
/// machines, that is not 0; 124 for one that took longer than its own time limit. Blocks.
///
/// Throws Error(timeout) when what is waited for does not come about, Error(usage) and
/// Error(not_found) for what cannot be done as asked, Error(lost) with the machine's name,
/// Error(timeout) and Error(cancelled) for the deadline and the token.
int execute(World& world, const Verb& verb, const VerbCaller& caller, const VerbIo& io,
            Deadline deadline, const CancelToken& cancel);

/// Ends every capture; those that machines asked for are put into them then.
void finish_captures(World& world, Deadline deadline, const CancelToken& cancel);

}  // namespace nestbox
