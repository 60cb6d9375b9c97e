#include "harness/guest/agent/launch.hpp"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace nestbox::agent {

namespace {

std::string_view name_of(std::string_view variable) {
  return variable.substr(0, variable.find('='));
}

/// Our own environment, overridden and added to by `given`.
std::vector<std::string> environment_with(const std::vector<std::string>& given, bool terminal) {
  std::vector<std::string> all = {terminal ? "TERM=linux" : "TERM=dumb"};
  for (char** variable = environ; variable && *variable; ++variable)
    if (name_of(*variable) != "TERM")
      all.emplace_back(*variable);
  std::erase_if(all, [&](const std::string& variable) {
    for (const std::string& other : given)
      if (name_of(other) == name_of(variable))
        return true;
    return false;
  });
  all.insert(all.end(), given.begin(), given.end());
  return all;
}

std::vector<std::string> candidates_for(const std::string& program,
                                        const std::vector<std::string>& environment) {
  if (program.empty() || program.find('/') != std::string::npos)
    return {program};
  std::string_view path = k_default_path;
  for (const std::string& variable : environment)
    if (name_of(variable) == "PATH")
      path = std::string_view(variable).substr(5);
  std::vector<std::string> candidates;
  while (true) {
    const std::size_t colon = path.find(':');
    std::string directory(path.substr(0, colon));
    candidates.push_back(directory.empty() ? program : directory + '/' + program);
    if (colon == std::string_view::npos)
      return candidates;
    path.remove_prefix(colon + 1);
  }
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> all;
  all.reserve(strings.size() + 1);
  for (std::string& text : strings)
    all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

void say(const char* text) {
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text, std::strlen(text));
}

[[noreturn]] void give_up(const char* what, const char* name, int error_number) {
  say("nestbox: cannot ");
  say(what);
  say(" '");
  say(name);
  say("': ");
  say(strerrordesc_np(error_number));
  say("\n");
  _exit(error_number == ENOENT && std::strcmp(what, "run") == 0 ? 127 : 126);
}

}  // namespace

Launch::Launch(const RunMessage& message)
    : m_arguments(message.argv),
      m_environment(environment_with(message.environment, message.terminal.has_value())),
      m_candidates(candidates_for(m_arguments[0], m_environment)),
      m_working_directory(message.working_directory.empty() ? "/" : message.working_directory),
      m_argv(pointers(m_arguments)), m_envp(pointers(m_environment)) {
  static char shell[] = "/bin/sh";
  m_shell_argv = {shell, nullptr};
  m_shell_argv.insert(m_shell_argv.end(), m_argv.begin() + 1, m_argv.end());
}

/// Runs in the child, on the parent's suspended stack and memory: it may only make system calls and
/// write what the parent never reads again.
[[noreturn]] void Launch::child(const Launch* launch) {
  setsid();
  dup2(launch->standard_input, STDIN_FILENO);
  dup2(launch->standard_output, STDOUT_FILENO);
  dup2(launch->standard_error, STDERR_FILENO);
  if (launch->terminal)
    ioctl(STDIN_FILENO, TIOCSCTTY, 0);
  umask(022);
  if (launch->expendable) {
    const int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    [[maybe_unused]] const ssize_t written = write(score, "500", 3);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (chdir(launch->m_working_directory.c_str()) != 0)
    give_up("enter", launch->m_working_directory.c_str(), errno);
  int failure = ENOENT;
  for (const std::string& candidate : launch->m_candidates) {
    execve(candidate.c_str(), launch->m_argv.data(), launch->m_envp.data());
    if (errno == ENOEXEC) {
      const_cast<Launch*>(launch)->m_shell_argv[1] = const_cast<char*>(candidate.c_str());
      execve("/bin/sh", launch->m_shell_argv.data(), launch->m_envp.data());
    }
    // Like execvp(3): go on looking, but remember that something was there.
    if (errno != ENOENT && errno != ENOTDIR)
      failure = errno;
    if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
      break;
  }
  give_up("run", launch->m_arguments[0].c_str(), failure);
}

pid_t Launch::start() const {
  if (cgroup >= 0) {
    clone_args arguments{};
    arguments.flags = CLONE_VM | CLONE_VFORK | CLONE_INTO_CGROUP;
    arguments.exit_signal = SIGCHLD;
    arguments.cgroup = static_cast<__u64>(cgroup);
    // Inline, for the child must not return through a frame of the parent's stack, as syscall(2)'s
    // wrapper would.
    long result;
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(static_cast<long>(SYS_clone3)), "D"(&arguments), "S"(sizeof arguments)
                 : "rcx", "r11", "memory");
    if (result == 0)
      child(this);
    return static_cast<pid_t>(result);
  }
  const pid_t pid = vfork();
  if (pid == 0)
    child(this);
  return pid < 0 ? -errno : pid;
}

}  // namespace nestbox::agent
