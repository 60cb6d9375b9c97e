#include "harness/base/detached.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "harness/base/filesystem.hpp"

namespace nestbox {

namespace {

constexpr int k_inherited = 3;

/// The life of the child in between: only async-signal-safe calls.
[[noreturn]] void start(char* const* argv, int nothing, int log, int inherited) {
  ::setsid();
  const pid_t program = ::fork();
  if (program != 0)
    ::_exit(program > 0 ? 0 : 1);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  // Out of the way first, for any of them may have one of the numbers below.
  inherited = ::fcntl(inherited, F_DUPFD, 16);
  log = ::fcntl(log, F_DUPFD, 16);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::dup2(inherited, k_inherited);
  ::close_range(k_inherited + 1, ~0U, 0);
  ::execv("/proc/self/exe", argv);
  ::_exit(1);
}

}  // namespace

void start_detached(const std::vector<std::string>& arguments, const std::filesystem::path& log,
                    const FileDescriptor& inherited) {
  const FileDescriptor nothing = open_file("/dev/null", O_RDONLY);
  const FileDescriptor log_file = open_file(log, O_WRONLY | O_CREAT | O_APPEND);
  std::string name = "nestbox";
  std::vector<std::string> words = arguments;
  std::vector<char*> argv = {name.data()};
  for (std::string& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t between = ::fork();
  if (between == 0)
    start(argv.data(), nothing.get(), log_file.get(), inherited.get());
  int status = 0;
  if (between < 0 || ::waitpid(between, &status, 0) < 0 || status != 0)
    throw system_error("cannot start a process", errno ? errno : EAGAIN);
}

}  // namespace nestbox
