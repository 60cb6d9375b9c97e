#include "runner/world_verbs.hpp"

#include <chrono>

#include <fmt/format.h>

#include "harness/base/text.hpp"
#include "harness/model/verb_parser.hpp"
#include "runner/test_events.hpp"

namespace nestbox {
namespace {

constexpr int k_meaningless = 2;
constexpr int k_time_over = 124;
constexpr std::size_t k_longest_text = 1000;

class Stopwatch {
public:
  std::chrono::nanoseconds elapsed() const { return std::chrono::steady_clock::now() - m_start; }

private:
  std::chrono::steady_clock::time_point m_start = std::chrono::steady_clock::now();
};

int code_of(const Error& error) {
  switch (error.code) {
  case ErrorCode::usage:
  case ErrorCode::definition:
  case ErrorCode::not_found:
    return k_meaningless;
  case ErrorCode::timeout:
    return k_time_over;
  default:
    return k_no_host_exit_code;
  }
}

std::string shortened(std::string text) {
  if (text.size() > k_longest_text)
    text = text.substr(0, k_longest_text) + "…";
  return text;
}

std::string one_line(const Error& error) {
  std::string text = error.message + (error.hint.empty() ? "" : " (" + error.hint + ")");
  return shortened(std::move(text));
}

void stretch(std::chrono::milliseconds& time, double factor) {
  time = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::duration<double, std::milli>(time) * factor);
}

/// How the commands of one `exec` ended: the first, in the order of the machines, that failed.
class Endings {
public:
  void add(const std::string& machine, const CommandResult& result) {
    m_results.insert_or_assign(machine, result);
  }

  const std::pair<const std::string, CommandResult>*
  first_failed(const std::vector<std::string>& machines) const {
    for (const std::string& machine : machines)
      if (auto found = m_results.find(machine);
          found != m_results.end() && (found->second.timed_out || !found->second.status.success()))
        return &*found;
    return nullptr;
  }

private:
  std::map<std::string, CommandResult> m_results;
};

VerbIo io_of_steps(OutputRecorder& output, Endings& endings) {
  VerbIo io;
  io.line_names = LineNames::always;
  io.output = [&output](const std::string& machine, OutputStream stream, std::string_view bytes) {
    if (machine.empty())
      output.write(stream, bytes);
    else
      output.write_lines(machine, stream, bytes);
  };
  io.ended = [&endings](const std::string& machine, const CommandResult& result) {
    endings.add(machine, result);
  };
  return io;
}

/// Names the machine on which an `exec` failed, and how.
void describe_failure(Performance& failed, const Verb& verb, int code, const Endings& endings) {
  failed.command.status.code = code;
  const auto* exec = std::get_if<ExecVerb>(&verb);
  const auto* first = exec ? endings.first_failed(exec->machines) : nullptr;
  if (!first)
    return;
  failed.where += fmt::format(": machine '{}'", first->first);
  failed.command = first->second;
  if (first->second.timed_out && exec->timeout)
    failed.time_limit = *exec->timeout;
}

}  // namespace

Verb stretched(Verb verb, double factor) {
  if (auto* exec = std::get_if<ExecVerb>(&verb); exec && exec->timeout)
    stretch(*exec->timeout, factor);
  else if (auto* wait = std::get_if<WaitForVerb>(&verb))
    stretch(wait->timeout, factor);
  else if (auto* barrier = std::get_if<BarrierVerb>(&verb))
    stretch(barrier->timeout, factor);
  return verb;
}

int WorldVerbs::answer(const std::string& caller, const VerbCall& call, VerbChannel& channel) {
  const Stopwatch watch;
  VerbRecord record;
  record.caller = caller;
  record.verb = shortened(shell_quote(call.argv));
  const CancelToken cancel = channel.token();
  const Result<int> done = catch_error([&] {
    const Verb verb =
        stretched(parse_verb(call.argv, &m_world.topology()), m_parts.use.timeout_scale);
    VerbCaller from;
    from.machine = caller;
    from.directory = from.output_directory = call.working_directory;
    from.place = [&](const std::string& machine) { return m_place(machine, cancel); };
    VerbIo io;
    io.output = [&](const std::string&, OutputStream stream, std::string_view bytes) {
      channel.write(stream, bytes);
    };
    io.input = channel.input();
    return execute(m_world, verb, from, io, Deadline::never(), cancel);
  });
  if (!done) {
    channel.write(OutputStream::standard_error,
                  "nestbox: " + printable(done.error().render()) + "\n");
    record.problem = one_line(done.error());
  }
  record.exit_code = done ? *done : code_of(done.error());
  record.duration = watch.elapsed();
  m_parts.listener.verb_done(m_parts.run, record);
  return record.exit_code;
}

Performance WorldVerbs::perform_steps(OutputRecorder& output, Deadline deadline,
                                      const CancelToken& cancel) {
  const std::vector<WorldStep>& steps = m_parts.run.test->steps;
  std::filesystem::create_directories(m_parts.run.directory / "artifacts");
  for (std::size_t index = 0; index < steps.size(); ++index)
    if (std::optional<Performance> failed = perform_step(index, output, deadline, cancel))
      return std::move(*failed);
  return {};
}

std::optional<Performance> WorldVerbs::perform_step(std::size_t index, OutputRecorder& output,
                                                    Deadline deadline, const CancelToken& cancel) {
  const Stopwatch watch;
  const std::vector<WorldStep>& steps = m_parts.run.test->steps;
  const Verb verb = stretched(steps[index].verb, m_parts.use.timeout_scale);
  VerbRecord record;
  record.step = static_cast<int>(index) + 1;
  record.verb = shortened(to_string(steps[index].verb));
  const std::string where = fmt::format("step {} ({})", record.step, printable(record.verb));
  output.remark(
      fmt::format("# step {} of {}: {}", record.step, steps.size(), printable(record.verb)));

  Endings endings;
  const Result<int> code = catch_error([&] {
    return execute(m_world, verb, caller_of_steps(cancel), io_of_steps(output, endings), deadline,
                   cancel);
  });
  record.exit_code = code ? *code : code_of(code.error());
  record.problem = code ? std::string() : one_line(code.error());
  record.duration = watch.elapsed();
  m_parts.listener.verb_done(m_parts.run, record);

  if (code && *code == 0)
    return std::nullopt;
  Performance failed;
  failed.where = where;
  if (code)
    describe_failure(failed, verb, *code, endings);
  else if (code.error().code == ErrorCode::lost)
    throw code.error();
  else if (deadline.passed())
    failed.command.timed_out = true;
  else if (code.error().code == ErrorCode::cancelled)
    failed.command.cancelled = true;
  else
    failed.problem = record.problem;
  return failed;
}

/// Files that steps name lie beside nestbox.yml when read, among the test's artifacts when written.
VerbCaller WorldVerbs::caller_of_steps(const CancelToken& cancel) const {
  VerbCaller caller;
  caller.directory = m_parts.context.start_directory;
  caller.output_directory = m_parts.run.directory / "artifacts";
  caller.confined = true;
  caller.place = [this, cancel](const std::string& machine) { return m_place(machine, cancel); };
  return caller;
}

}  // namespace nestbox
