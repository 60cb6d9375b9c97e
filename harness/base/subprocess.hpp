#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/base/clock.hpp"
#include "harness/base/units.hpp"

namespace nestbox {

/// How a process ended: by itself with `code`, or by `signal`.
struct ExitStatus {
  int code = 0;
  int signal = 0;

  bool success() const { return code == 0 && signal == 0; }
  /// 0 to 255 the way a shell says it: 128 + signal.
  int shell_code() const { return signal ? 128 + signal : code; }
  bool operator==(const ExitStatus&) const = default;
};

/// "exit code 3", "killed by signal 9 (KILL)".
std::string describe(ExitStatus status);

/// What to start: a plain value, compared whole in tests. `argv[0]` is searched in the child's PATH
/// (and the sbin directories); a script without `#!` is given to /bin/sh. The child has a session
/// of its own: what is typed at our terminal (Ctrl-C) does not reach it.
struct ProcessSpec {
  std::vector<std::string> argv;
  std::filesystem::path working_directory{};  ///< empty: ours
  std::optional<std::map<std::string, std::string>>
      environment{};  ///< whole environment; nothing: own_variables_to_share()
  /// The child's descriptor number → ours. 0, 1 and 2 are /dev/null unless named here; nothing else
  /// is inherited.
  std::map<int, int> descriptors{};
  /// The child with *all* its descendants, daemonised ones too, ends when it does, when the Process
  /// is dropped or when we die. Without it only the child itself is ended (it must not have
  /// children of its own).
  bool whole_tree = false;
  /// Of a whole tree, what the child has left running when it ends by itself goes on, outlives us,
  /// and is nobody's any more.
  bool leaves_running = false;
  /// Descriptor 0 becomes the controlling terminal of the child's session.
  bool controlling_terminal = false;
  /// What of the tree belongs to another user (it went through sudo) is killed through `sudo -n`.
  bool end_with_sudo = false;

  bool operator==(const ProcessSpec&) const = default;
};

/// A started process. Dropping it kills it (SIGKILL) and reaps it; so does our own death, however
/// we die (PR_SET_PDEATHSIG from a thread that lives as long as the program).
class Process {
public:
  /// Throws Error(not_found) when the program does not exist, Error(unsupported) when the system
  /// refuses to execute it or to enter its directory, Error(io) otherwise.
  static Process spawn(const ProcessSpec& spec);

  Process(Process&&) noexcept;
  Process& operator=(Process&&) noexcept;
  ~Process();

  pid_t pid() const noexcept;        ///< when whole_tree, of the supervisor that stands for it
  int descriptor() const noexcept;   ///< a pidfd: readable once the process has ended
  void signal(int number) noexcept;  ///< to its process group when whole_tree, else to the process;
                                     ///< no-op once ended

  /// The status once it has ended; nothing when the deadline passed or the token was cancelled
  /// first.
  std::optional<ExitStatus> wait(Deadline deadline, const CancelToken& cancel = {});

  /// Kills what `ProcessSpec::whole_tree` covers and reaps it.
  void kill() noexcept;

private:
  struct State;
  explicit Process(std::unique_ptr<State> state);
  std::unique_ptr<State> m_state;
};

struct Captured {
  ExitStatus status;
  std::string output;       ///< stdout
  std::string diagnostics;  ///< stderr
};

/// Runs, as a whole tree, to the end and keeps what it wrote, at most `limit` of each stream (the
/// rest is read and dropped; so is what processes write that it leaves running). stdin is /dev/null
/// unless `spec` maps it. Throws Error(timeout), Error(cancelled), or what spawn throws.
Captured run_captured(ProcessSpec spec, Deadline deadline, const CancelToken& cancel = {},
                      Bytes limit = mebibytes(4));

/// run_captured, and Error(infrastructure) with the last lines of stderr when the status is not
/// success.
std::string run_checked(ProcessSpec spec, Deadline deadline, const CancelToken& cancel = {});

/// The first executable of this name in PATH (and the sbin directories), or nothing.
std::optional<std::filesystem::path> find_program(const std::string& name);
std::optional<std::filesystem::path> find_program(const std::string& name, const std::string& path);

}  // namespace nestbox
