#include "harness/base/tree_supervisor.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

namespace nestbox {

namespace {

class Supervisor {
public:
  Supervisor(pid_t program, bool sudo) : m_program(program), m_sudo(sudo) {}

  /// False when the program was not left to end.
  bool wait_for_end() {
    sigset_t all;
    sigfillset(&all);
    while (!m_ended) {
      const int signal = ::sigwaitinfo(&all, nullptr);
      if (signal == SIGCHLD)
        reap_ended();
      else if (signal == stop_signal())
        return false;
      else if (signal > 0 && ::kill(-m_program, signal) != 0)
        ::kill(m_program, signal);
    }
    return true;
  }

  // A killed child's children become ours before waitpid tells of it: to kill our own, again after
  // each that ended, is to kill all.
  void kill_all() {
    while (kill_children()) {
      int status = 0;
      const pid_t ended = ::waitpid(-1, &status, __WALL);
      note(ended, status);
    }
  }

  [[noreturn]] void end_like_program() const {
    if (WIFEXITED(m_status))
      ::_exit(WEXITSTATUS(m_status));
    const rlimit no_core = {0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    sigset_t none;
    sigemptyset(&none);
    ::kill(::getpid(), WTERMSIG(m_status));
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::_exit(128 + WTERMSIG(m_status));
  }

private:
  void note(pid_t ended, int status) {
    if (ended != m_program)
      return;
    m_ended = true;
    m_status = status;
  }

  void reap_ended() {
    int status = 0;
    for (pid_t ended; (ended = ::waitpid(-1, &status, WNOHANG | __WALL)) > 0;)
      note(ended, status);
  }

  // False when there is no child left, or none that we may kill.
  bool kill_children() {
    const int list = ::open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    if (list < 0)
      return !m_ended && (::kill(-m_program, SIGKILL) == 0 || ::kill(m_program, SIGKILL) == 0);
    bool killed = false;
    pid_t child = 0;
    std::array<char, 4096> text;
    for (ssize_t size; (size = ::read(list, text.data(), text.size())) > 0;) {
      for (ssize_t i = 0; i < size; ++i) {
        const char c = text[static_cast<std::size_t>(i)];
        if (c >= '0' && c <= '9') {
          child = child * 10 + (c - '0');
        } else if (child > 0) {
          killed |= kill_child(child);
          child = 0;
        }
      }
    }
    ::close(list);
    return killed;
  }

  bool kill_child(pid_t child) {
    return ::kill(child, SIGKILL) == 0 || (errno == EPERM && m_sudo && kill_with_sudo(child));
  }

  static bool kill_with_sudo(pid_t child) {
    std::array<char, 16> number = {};
    for (std::size_t i = number.size() - 1; child > 0; child /= 10)
      number[--i] = static_cast<char>('0' + child % 10);
    const char* digits = number.data();
    while (*digits == '\0')
      ++digits;
    const pid_t killer = ::_Fork();
    if (killer == 0) {
      sigset_t none;
      sigemptyset(&none);
      ::sigprocmask(SIG_SETMASK, &none, nullptr);
      const std::array<const char*, 9> argv = {
          "sudo", "-n", "--", "/bin/sh", "-c", "kill -KILL \"$1\"", "sh", digits, nullptr};
      ::execvp("sudo", const_cast<char* const*>(argv.data()));
      ::_exit(127);
    }
    int status = 0;
    return killer > 0 && ::waitpid(killer, &status, 0) == killer && status == 0;
  }

  pid_t m_program;
  bool m_sudo;
  bool m_ended = false;
  int m_status = SIGKILL;  // of a program that was not left to end, nor could be waited for
};

}  // namespace

int stop_signal() {
  return SIGRTMAX;
}

void supervise_tree(pid_t program, bool sudo, bool leaves_running) noexcept {
  ::prctl(PR_SET_NAME, "nestbox-tree");
  // None of our descriptors may stay open for as long as the program runs.
  ::syscall(SYS_close_range, 0, ~0U, 0);
  Supervisor supervisor(program, sudo);
  if (!supervisor.wait_for_end() || !leaves_running)
    supervisor.kill_all();
  supervisor.end_like_program();
}

}  // namespace nestbox
