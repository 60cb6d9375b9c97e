#include "tests/support/nestbox_terminal.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>

#include <cerrno>
#include <cstdlib>

namespace nestbox {
namespace {

int checked(int result, const char* activity) {
  if (result < 0)
    throw system_error(std::string("cannot ") + activity, errno);
  return result;
}

}  // namespace

TerminalRun run_on_terminal(const NestboxProgram& program, std::vector<std::string> arguments,
                            const std::string& typed, std::chrono::seconds limit) {
  const FileDescriptor terminal(
      checked(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), "make a terminal"));
  checked(::grantpt(terminal.get()), "own the terminal");
  checked(::unlockpt(terminal.get()), "unlock the terminal");
  const winsize size{33, 99, 0, 0};
  checked(::ioctl(terminal.get(), TIOCSWINSZ, &size), "size the terminal");
  FileDescriptor user(
      checked(::open(::ptsname(terminal.get()), O_RDWR | O_NOCTTY | O_CLOEXEC), "open it"));
  checked(static_cast<int>(::write(terminal.get(), typed.data(), typed.size())), "type");

  ProcessSpec spec = program.spec(std::move(arguments));
  spec.descriptors = {{0, user.get()}, {1, user.get()}, {2, user.get()}};
  Process process = Process::spawn(spec);
  user.close();
  const Deadline deadline = Deadline::after(limit);
  TerminalRun run;
  char buffer[4096];
  while (wait_readable(terminal.get(), deadline) == Wait::ready) {
    const ssize_t count = ::read(terminal.get(), buffer, sizeof buffer);
    if (count <= 0)
      break;
    run.seen.append(buffer, static_cast<std::size_t>(count));
  }
  const std::optional<ExitStatus> status = process.wait(deadline);
  if (!status)
    throw Error(ErrorCode::timeout, "nestbox did not end; it showed:\n" + run.seen);
  run.status = *status;
  return run;
}

}  // namespace nestbox
