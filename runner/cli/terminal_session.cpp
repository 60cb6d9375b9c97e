#include "runner/cli/terminal_session.hpp"

#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include <fmt/format.h>

#include "harness/base/text.hpp"
#include "runner/cli/console.hpp"

namespace nestbox {
namespace {

/// The terminal as a byte pipe, for as long as it lives.
class RawMode {
public:
  RawMode() {
    if (::tcgetattr(STDIN_FILENO, &m_before) != 0)
      throw system_error("cannot read the terminal's mode", errno);
    termios raw = m_before;
    ::cfmakeraw(&raw);
    ::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
  }
  RawMode(const RawMode&) = delete;
  RawMode& operator=(const RawMode&) = delete;
  ~RawMode() { ::tcsetattr(STDIN_FILENO, TCSADRAIN, &m_before); }

private:
  termios m_before{};
};

/// SIGWINCH as a descriptor.
class WindowChanges {
public:
  WindowChanges() {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGWINCH);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    m_signals = FileDescriptor(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  int descriptor() const { return m_signals.get(); }

  void drain() {
    signalfd_siginfo signal{};
    while (::read(m_signals.get(), &signal, sizeof signal) == sizeof signal) {
    }
  }

private:
  FileDescriptor m_signals;
};

std::optional<TerminalSize> window_size() {
  winsize size{};
  if (::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0)
    return std::nullopt;
  return TerminalSize{size.ws_row, size.ws_col};
}

void pass_on(OutputStream stream, std::string_view bytes) {
  write_all(stream == OutputStream::standard_error ? STDERR_FILENO : STDOUT_FILENO, bytes);
}

}  // namespace

ExitStatus run_interactively(Machine& machine, Command command) {
  CommandIo io;
  io.output = pass_on;
  io.input = STDIN_FILENO;
  if (!::isatty(STDIN_FILENO) || !::isatty(STDOUT_FILENO))
    return machine.transport().run(command, io, Deadline::never(), {}).status;

  WindowChanges changes;
  command.terminal = window_size().value_or(TerminalSize{});
  if (const char* term = std::getenv("TERM"))
    command.environment["TERM"] = term;
  io.resize_event = changes.descriptor();
  io.resized = [&] {
    changes.drain();
    return window_size();
  };
  RawMode raw;
  return machine.transport().run(command, io, Deadline::never(), {}).status;
}

std::vector<std::string> shell_argv() {
  return {"/bin/sh", "-c", "command -v bash >/dev/null 2>&1 && exec bash -l; exec /bin/sh -l"};
}

void offer_shell(Machine& machine, const Command& test_command, const std::string& test_name) {
  write_all(
      STDERR_FILENO,
      fmt::format("'{}' failed: a shell where it ran; its command was\n  {}\n(leave it to go on)\n",
                  printable(test_name), printable(shell_quote(test_command.argv))));
  Command shell = test_command;
  shell.argv = shell_argv();
  run_interactively(machine, shell);
}

}  // namespace nestbox
