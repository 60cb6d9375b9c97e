#include "runner/cli/console.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace nestbox {
namespace {

bool dumb_terminal() {
  const char* term = std::getenv("TERM");
  return !term || std::string_view(term) == "dumb" || *term == '\0';
}

}  // namespace

void write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written >= 0)
      text.remove_prefix(static_cast<std::size_t>(written));
    else if (errno != EINTR)
      return;
  }
}

bool is_capable_terminal(int descriptor) {
  return ::isatty(descriptor) == 1 && !dumb_terminal();
}

bool wants_color(ColorChoice choice, int descriptor) {
  if (choice != ColorChoice::automatic)
    return choice == ColorChoice::always;
  const char* no_color = std::getenv("NO_COLOR");
  return is_capable_terminal(descriptor) && !(no_color && *no_color);
}

std::size_t terminal_columns(int descriptor) {
  winsize size{};
  return ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

TerminalSettings terminal_settings(const ConsoleChoices& choices, bool single_command) {
  const int report = single_command ? STDERR_FILENO : STDOUT_FILENO;
  TerminalSettings settings;
  settings.write = [report](std::string_view text) { write_all(report, text); };
  settings.output = [single_command](OutputStream stream, std::string_view bytes) {
    write_all(single_command && stream == OutputStream::standard_error ? STDERR_FILENO
                                                                       : STDOUT_FILENO,
              bytes);
  };
  settings.columns = [report] { return terminal_columns(report); };
  settings.raw_output = single_command && ::isatty(STDOUT_FILENO) == 0;
  settings.raw_diagnostics = single_command && ::isatty(STDERR_FILENO) == 0;
  settings.color = wants_color(choices.color, report);
  settings.verbose = choices.verbose;
  settings.quiet = choices.quiet;
  settings.live =
      choices.progress && !choices.verbose && !choices.quiet && is_capable_terminal(report);
  return settings;
}

}  // namespace nestbox
