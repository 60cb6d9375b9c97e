#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "harness/base/text.hpp"
#include "harness/env/run_together.hpp"
#include "harness/env/tail.hpp"
#include "harness/env/verb_context.hpp"

namespace nestbox {
namespace {

// The kernel has no event for a socket that begins to listen, nor systemd one for a script, and a
// file may appear on any file system: so one script in the machine looks again and again, where
// looking is cheap, instead of the host asking.

/// $1: the port, four hex digits, as the kernel writes it.
constexpr const char* k_port_opens = R"(
while :; do
  for table in /proc/net/tcp /proc/net/tcp6; do
    [ -r "$table" ] || continue
    while read -r _ address _ state _; do
      [ "$state" = 0A ] && [ "${address##*:}" = "$1" ] && exit 0
    done < "$table"
  done
  sleep 0.1
done
)";

constexpr const char* k_listening_ports = R"(
for table in /proc/net/tcp /proc/net/tcp6; do
  [ -r "$table" ] || continue
  while read -r _ address _ state _; do
    [ "$state" = 0A ] && echo "${address##*:}"
  done < "$table"
done
true
)";

constexpr int k_no_systemd = 3;
constexpr const char* k_unit_is_active = R"(
command -v systemctl > /dev/null || exit 3
until systemctl is-active --quiet -- "$1"; do sleep 0.2; done
)";

constexpr const char* k_unit_state = R"(
systemctl is-active -- "$1"
systemctl status --no-pager --lines=5 -- "$1"
true
)";

constexpr const char* k_file_exists = R"(
until [ -e "$1" ]; do sleep 0.1; done
)";

/// The nearest folder above $1 that there is, and what it holds.
constexpr const char* k_files_nearby = R"(
path=$1
until [ -d "$path" ]; do path=$(dirname "$path"); done
echo "$path"
ls -A "$path" | head -n 20
)";

constexpr const char* k_run_again = R"(
while :; do "$@"; echo; sleep 0.1; done
)";

/// Whether some line of a stream holds a text; what has come of the last line counts.
class LineMatch {
public:
  explicit LineMatch(const std::string& text) : m_text(text) {}

  bool add(std::string_view bytes) {
    m_rest += bytes;
    const bool found = m_rest.find(m_text) != std::string::npos;
    // The text holds no newline: what it can still begin in is the end of the last line.
    const std::size_t line = m_rest.rfind('\n') + 1;
    const std::size_t most = std::max(m_text.size(), std::size_t{1}) - 1;
    m_rest.erase(0, std::max(line, m_rest.size() - std::min(most, m_rest.size())));
    return found;
  }

private:
  const std::string m_text;
  std::string m_rest;
};

/// What is run again and again to see what it prints.
Command repeated(const std::vector<std::string>& argv) {
  Command command{.argv = {"/bin/sh", "-c", k_run_again, "sh"}};
  command.argv.insert(command.argv.end(), argv.begin(), argv.end());
  return command;
}

/// On one machine. `command` is what it runs for OutputHolds.
class Waiting {
public:
  Waiting(const VerbContext& context, const WaitForVerb& verb, const std::string& machine,
          const Command& command, const CancelToken& cancel)
      : m_context(context), m_verb(verb), m_machine(machine), m_command(command), m_cancel(cancel),
        m_deadline(earlier(context.deadline, Deadline::after(verb.timeout))) {}

  void operator()(const PortOpen& port) const {
    if (!run(k_port_opens, {fmt::format("{:04X}", port.port)}).timed_out)
      return;
    std::set<int> ports;
    for (const std::string& line : split(ask_now(k_listening_ports, {}), '\n'))
      if (!line.empty())
        ports.insert(static_cast<int>(std::strtol(line.c_str(), nullptr, 16)));
    fail(fmt::format("did not listen on port {}", port.port),
         ports.empty() ? "it listens on no port"
                       : fmt::format("it listens on {}", fmt::join(ports, ", ")));
  }

  void operator()(const UnitActive& unit) const {
    const CommandResult result = run(k_unit_is_active, {unit.unit});
    if (result.status.code == k_no_systemd && !result.timed_out)
      throw Error(
          ErrorCode::unsupported,
          fmt::format("machine '{}' has no systemd to ask for unit '{}'", m_machine, unit.unit));
    if (!result.timed_out)
      return;
    const std::string state = ask_now(k_unit_state, {unit.unit});
    const std::size_t newline = state.find('\n');
    fail(fmt::format("did not have unit '{}' active", unit.unit),
         fmt::format("it is {}:\n{}", printable(state.substr(0, newline)),
                     printable(trim(state.substr(std::min(newline, state.size()))))));
  }

  void operator()(const FileExists& file) const {
    if (!run(k_file_exists, {file.path}).timed_out)
      return;
    std::vector<std::string> lines = split(trim(ask_now(k_files_nearby, {file.path})), '\n');
    const std::string folder = lines.front();
    lines.erase(lines.begin());
    fail(fmt::format("did not have a file '{}'", file.path),
         fmt::format("'{}' holds {}", printable(folder),
                     lines.empty() ? "nothing" : printable(join(lines, ", "))));
  }

  void operator()(const OutputHolds& output) const {
    LineMatch match(output.text);
    Tail tail;
    CancelSource stop(m_cancel);
    bool found = false;
    CommandIo io;
    io.output = [&](OutputStream stream, std::string_view bytes) {
      tail.add(bytes);
      if (!found && stream == OutputStream::standard_output && match.add(bytes)) {
        found = true;
        stop.cancel();
      }
    };
    try {
      run_on(m_context, m_machine, m_command, io, m_deadline, stop.token());
    } catch (const Error& error) {
      if (!found || error.code != ErrorCode::cancelled)
        throw;
    }
    m_cancel.throw_if_cancelled();
    if (!found)
      fail(fmt::format("did not print '{}'", printable(output.text)),
           fmt::format("'{}' printed last:\n{}", printable(shell_quote(output.command)),
                       printable(trim(tail.last_lines()))));
  }

private:
  CommandResult run(const char* script, const std::vector<std::string>& arguments) const {
    Command command{.argv = {"/bin/sh", "-c", script, "sh"}};
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
    return run_on(m_context, m_machine, command, {}, m_deadline, m_cancel);
  }

  std::string ask_now(const char* script, const std::vector<std::string>& arguments) const {
    return ask(m_context, m_machine, script, arguments, m_cancel);
  }

  [[noreturn]] void fail(const std::string& what, std::string instead) const {
    throw Error(
        ErrorCode::timeout,
        fmt::format("machine '{}' {} within {}", m_machine, what, format_duration(m_verb.timeout)),
        std::move(instead));
  }

  const VerbContext& m_context;
  const WaitForVerb& m_verb;
  const std::string& m_machine;
  const Command& m_command;
  const CancelToken& m_cancel;
  const Deadline m_deadline;
};

}  // namespace

int execute_wait(const VerbContext& context, const WaitForVerb& verb) {
  const auto* output = std::get_if<OutputHolds>(&verb.condition);
  std::vector<CancellableTask> tasks;
  for (const std::string& machine : verb.machines) {
    const Command command =
        output ? placed(context, machine, repeated(output->command)) : Command();
    tasks.push_back([&context, &verb, &machine, command](const CancelToken& cancel) {
      std::visit(Waiting(context, verb, machine, command, cancel), verb.condition);
    });
  }
  run_together(tasks, context.cancel);
  return 0;
}

}  // namespace nestbox
