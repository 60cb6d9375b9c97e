#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "harness/guest/agent_protocol.hpp"

namespace nestbox::agent {

inline constexpr char k_default_path[] =
    "/run/nestbox/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Everything the kernel needs to start one command, made ready before the fork: between vfork and
/// exec only system calls happen.
class Launch {
public:
  explicit Launch(const RunMessage& message);

  int standard_input = -1;
  int standard_output = -1;
  int standard_error = -1;
  bool terminal = false;    ///< standard_input is a terminal to be controlled by
  bool expendable = false;  ///< raise oom_score_adj, so that the kernel takes it before us
  int cgroup = -1;          ///< directory of a cgroup to be born in

  /// The child's pid, or a negative errno. A program that cannot be executed is the child's own
  /// failure, told on its stderr the way a shell does: exit code 127 when not found, else 126.
  pid_t start() const;

private:
  [[noreturn]] static void child(const Launch* launch);

  std::vector<std::string> m_arguments;
  std::vector<std::string> m_environment;
  std::vector<std::string> m_candidates;
  std::string m_working_directory;
  std::vector<char*> m_argv;
  std::vector<char*> m_shell_argv;
  std::vector<char*> m_envp;
};

}  // namespace nestbox::agent
