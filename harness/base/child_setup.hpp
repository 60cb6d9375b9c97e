#pragma once

#include <string>
#include <utility>
#include <vector>

#include "harness/base/subprocess.hpp"

namespace nestbox {

/// What a child that could not become the program tells its parent through a pipe.
struct LaunchFailure {
  enum class Step : int { map_descriptors, enter_directory, take_terminal, execute };
  Step step;
  int error_number;
};

/// What the child does between fork and exec. Made before the fork, for after it only
/// async-signal-safe calls are allowed: nothing below allocates, locks or throws.
class ChildSetup {
public:
  /// `program` is what will be executed; `failure_pipe` is close-on-exec.
  ChildSetup(const ProcessSpec& spec, std::string program, int failure_pipe);

  char* const* argv() const { return const_cast<char* const*>(m_argv.data()); }
  char* const* environment() const { return const_cast<char* const*>(m_environment.data()); }
  const char* program() const { return m_program.c_str(); }

  /// Returns in the process that is to become the program; of a whole tree, in the supervisor's
  /// child.
  void enter() noexcept;

  /// After a failed exec: tries a script without `#!` as a shell would, then reports and ends.
  [[noreturn]] void exec_failed(int error_number) noexcept;

private:
  [[noreturn]] void fail(LaunchFailure::Step step, int error_number) const noexcept;
  void fork_supervised() noexcept;
  void map_descriptors() noexcept;
  void close_inherited() noexcept;

  std::string m_program;
  std::string m_working_directory;
  std::vector<std::string> m_strings;
  std::vector<const char*> m_argv;
  std::vector<const char*> m_shell_argv;
  std::vector<const char*> m_environment;
  std::vector<std::pair<int, int>> m_descriptors;  // the child's number, ours
  pid_t m_parent;
  int m_failure_pipe;
  bool m_whole_tree;
  bool m_leaves_running;
  bool m_terminal;
  bool m_sudo;
};

}  // namespace nestbox
