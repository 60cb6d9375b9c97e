#include "harness/guest/powershell_command.hpp"

#include <charconv>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"

namespace nestbox {
namespace {

constexpr std::string_view k_head = "nestbox ";
constexpr std::size_t k_longest_head = 32;

Error no_head(std::string_view said) {
  return Error(ErrorCode::corrupt,
               "the machine's PowerShell does not begin as told: '" + printable(said) + "'");
}

}  // namespace

WindowsShell ask_windows_shell(SshSession& session, const std::string& host, Deadline deadline,
                               const CancelToken& cancel) {
  const Captured asked = session.run(k_which_shell, {}, deadline, cancel);
  const std::string_view answer = trim(asked.output);
  if (answer == "$?")
    return WindowsShell::cmd;
  if (answer == "True")
    return WindowsShell::powershell;
  throw Error(ErrorCode::infrastructure,
              host + " has neither cmd.exe nor PowerShell for a shell: it answers '"
                  + printable(answer.substr(0, k_longest_head)) + "'",
              "'windows: true' is for Windows hosts; see DefaultShell of 'HKLM\\SOFTWARE\\OpenSSH' "
              "there");
}

std::string_view ScriptHead::take(std::string_view bytes) {
  if (m_process)
    return bytes;
  const std::size_t size = std::min(bytes.find('\n'), bytes.size());
  m_line += bytes.substr(0, std::min(size, k_longest_head));
  if (!std::string_view(k_head).starts_with(m_line.substr(0, k_head.size()))
      || m_line.size() >= k_longest_head)
    throw no_head(m_line);
  if (size == bytes.size())
    return {};
  const std::string_view number =
      trim(std::string_view(m_line).substr(std::min(k_head.size(), m_line.size())));
  unsigned process = 0;
  const auto [end, failure] =
      std::from_chars(number.data(), number.data() + number.size(), process);
  if (failure != std::errc() || end != number.data() + number.size() || process == 0)
    throw no_head(m_line);
  m_process = process;
  return bytes.substr(size + 1);
}

PowershellCommand::PowershellCommand(SshSession& session, WindowsShell shell,
                                     std::string_view script, Deadline deadline,
                                     const CancelToken& cancel)
    : m_command(session, powershell_command_line(shell, script.size()), deadline, cancel) {
  m_command.begin_input(std::string(script));
}

CommandIo PowershellCommand::without_head(const CommandIo& io) {
  CommandIo inner = io;
  inner.output = [this, &io](OutputStream stream, std::string_view bytes) {
    if (stream == OutputStream::standard_output) {
      bytes = m_head.take(bytes);
      if (m_head.process())
        m_begun.cancel();
    }
    if (!bytes.empty() && io.output)
      io.output(stream, bytes);
  };
  return inner;
}

std::optional<SshCommand::End> PowershellCommand::stream(const CommandIo& io, Deadline deadline,
                                                         const CancelToken& cancel) {
  if (!m_end)
    m_end = m_command.stream(without_head(io), deadline, cancel);
  return m_end;
}

std::optional<unsigned> PowershellCommand::await_process(const CommandIo& io, Deadline deadline) {
  stream(io, deadline, m_begun.token());
  return m_head.process();
}

}  // namespace nestbox
