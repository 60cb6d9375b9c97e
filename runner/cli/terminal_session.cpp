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

/// A failed machine's shell must not end the run.
void open_shell(Workplace& place) {
  Command shell = place.command(shell_argv(place.machine()));
  const Result<ExitStatus> ended =
      catch_error([&] { return run_interactively(place.machine(), std::move(shell)); });
  if (!ended)
    write_all(STDERR_FILENO, printable(ended.error().render()) + "\n");
}

/// A line of the terminal, without its end; nothing at its end.
std::optional<std::string> read_answer() {
  char line[256];
  ssize_t count;
  while ((count = ::read(STDIN_FILENO, line, sizeof line)) < 0 && errno == EINTR) {
  }
  if (count <= 0)
    return std::nullopt;
  return std::string(trim({line, static_cast<std::size_t>(count)}));
}

/// Asks until the name of one is given; nullptr for an empty answer.
Workplace* ask_for_machine(const std::vector<Workplace*>& places) {
  std::vector<std::string> names;
  for (const Workplace* place : places)
    names.push_back(place->name());
  for (;;) {
    write_all(STDERR_FILENO, fmt::format("machine ({}; empty: go on): ", join(names, ", ")));
    const std::optional<std::string> answer = read_answer();
    if (!answer || answer->empty())
      return nullptr;
    for (Workplace* place : places)
      if (place->name() == *answer)
        return place;
    write_all(STDERR_FILENO, fmt::format("no machine '{}'\n", printable(*answer)));
  }
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

std::vector<std::string> shell_argv(const Machine& machine) {
  if (machine.spec().windows)
    return {"powershell", "-NoLogo"};
  return {"/bin/sh", "-c", "command -v bash >/dev/null 2>&1 && exec bash -l; exec /bin/sh -l"};
}

void offer_shell(const std::vector<Workplace*>& places, const TestRun& run) {
  const std::string command = shell_quote(run.test->command);
  write_all(
      STDERR_FILENO,
      fmt::format("'{}' failed: a shell where it ran{}\n", printable(run.id),
                  command.empty() ? std::string() : "; its command was\n  " + printable(command)));
  if (places.size() == 1) {
    write_all(STDERR_FILENO, "(leave it to go on)\n");
    open_shell(*places.front());
    return;
  }
  while (Workplace* chosen = ask_for_machine(places))
    open_shell(*chosen);
}

}  // namespace nestbox
