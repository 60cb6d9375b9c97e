#include "harness/base/child_setup.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>

#include "harness/base/tree_supervisor.hpp"
#include "harness/base/variables.hpp"

namespace nestbox {

namespace {

constexpr timespec k_busy_pause{.tv_sec = 0, .tv_nsec = 1'000'000};
constexpr int k_busy_tries = 2000;

// Ends with the thread that forked us, which is one that lives as long as the program.
void die_with_parent(pid_t parent, int signal) {
  ::prctl(PR_SET_PDEATHSIG, signal);
  if (::getppid() != parent)
    ::_exit(127);
}

void reset_signals() {
  struct sigaction default_action = {};
  default_action.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number)
    ::sigaction(number, &default_action, nullptr);
}

void set_signal_mask(bool blocked) {
  sigset_t mask;
  blocked ? sigfillset(&mask) : sigemptyset(&mask);
  ::sigprocmask(SIG_SETMASK, &mask, nullptr);
}

}  // namespace

ChildSetup::ChildSetup(const ProcessSpec& spec, std::string program, int failure_pipe)
    : m_program(std::move(program)), m_working_directory(spec.working_directory.string()),
      m_descriptors(spec.descriptors.begin(), spec.descriptors.end()), m_parent(::getpid()),
      m_failure_pipe(failure_pipe), m_whole_tree(spec.whole_tree),
      m_leaves_running(spec.leaves_running), m_terminal(spec.controlling_terminal),
      m_sudo(spec.end_with_sudo) {
  for (const std::string& word : spec.argv)
    m_argv.push_back(word.c_str());
  m_shell_argv = {"sh", m_program.c_str()};
  m_shell_argv.insert(m_shell_argv.end(), m_argv.begin() + 1, m_argv.end());
  m_argv.push_back(nullptr);
  m_shell_argv.push_back(nullptr);
  for (const auto& [name, value] : spec.environment ? *spec.environment : own_variables_to_share())
    m_strings.push_back(name + "=" + value);
  for (const std::string& variable : m_strings)
    m_environment.push_back(variable.c_str());
  m_environment.push_back(nullptr);
}

void ChildSetup::fail(LaunchFailure::Step step, int error_number) const noexcept {
  const LaunchFailure failure = {step, error_number};
  [[maybe_unused]] const ssize_t ignored = ::write(m_failure_pipe, &failure, sizeof failure);
  ::_exit(127);
}

void ChildSetup::enter() noexcept {
  // Until here the mask of the thread that forked, which blocks all, kept our own handlers from
  // running in the child.
  set_signal_mask(true);
  reset_signals();
  die_with_parent(m_parent, m_whole_tree ? stop_signal() : SIGKILL);
  ::setsid();
  if (m_whole_tree)
    fork_supervised();
  map_descriptors();
  if (!m_working_directory.empty() && ::chdir(m_working_directory.c_str()) != 0)
    fail(LaunchFailure::Step::enter_directory, errno);
  if (m_terminal && ::ioctl(0, TIOCSCTTY, 0) != 0)
    fail(LaunchFailure::Step::take_terminal, errno);
  set_signal_mask(false);
}

void ChildSetup::fork_supervised() noexcept {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const pid_t supervisor = ::getpid();
  const pid_t program = ::_Fork();
  if (program < 0)
    fail(LaunchFailure::Step::execute, errno);
  if (program > 0)
    supervise_tree(program, m_sudo, m_leaves_running);
  die_with_parent(supervisor, SIGKILL);
  ::setsid();
}

void ChildSetup::map_descriptors() noexcept {
  const auto check = [this](int result) {
    if (result < 0)
      fail(LaunchFailure::Step::map_descriptors, errno);
    return result;
  };
  int beyond = 3;
  for (const auto& [number, source] : m_descriptors)
    beyond = std::max(beyond, number + 1);
  // First out of the way: the numbers wanted may be those of what is yet to be mapped.
  m_failure_pipe = check(::fcntl(m_failure_pipe, F_DUPFD_CLOEXEC, beyond));
  for (auto& [number, source] : m_descriptors)
    source = check(::fcntl(source, F_DUPFD_CLOEXEC, beyond));
  check(static_cast<int>(::syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC)));
  const int nothing = check(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (int standard = 0; standard < 3; ++standard) {
    if (nothing != standard)
      check(::dup2(nothing, standard));
  }
  for (const auto& [number, source] : m_descriptors)
    check(::dup2(source, number));
}

void ChildSetup::close_inherited() noexcept {
  int next = 3;
  const auto close_before = [&next](int kept) {
    if (kept > next)
      ::syscall(SYS_close_range, next, kept - 1, 0);
    next = std::max(next, kept + 1);
  };
  for (const auto& [number, source] : m_descriptors)
    close_before(number);
  close_before(m_failure_pipe);
  ::syscall(SYS_close_range, next, ~0U, 0);
}

void ChildSetup::exec_failed(int error_number) noexcept {
  // A child of ours (this one, too) may hold the descriptor that wrote this very file, in the
  // moment between its fork and its exec. No event tells when another has let go.
  if (error_number == ETXTBSY)
    close_inherited();
  for (int tries = 0; error_number == ETXTBSY && tries < k_busy_tries; ++tries) {
    ::nanosleep(&k_busy_pause, nullptr);
    ::execve(program(), argv(), environment());
    error_number = errno;
  }
  if (error_number == ENOEXEC)
    ::execve("/bin/sh", const_cast<char* const*>(m_shell_argv.data()), environment());
  fail(LaunchFailure::Step::execute, error_number);
}

}  // namespace nestbox
