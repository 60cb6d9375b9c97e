#include "harness/env/verb_executor.hpp"

#include <fmt/format.h>

#include "harness/base/text.hpp"
#include "harness/env/net_listing.hpp"
#include "harness/env/run_together.hpp"
#include "harness/env/tail.hpp"
#include "harness/env/verb_context.hpp"
#include "harness/env/world_watch.hpp"
#include "harness/guest/login.hpp"

namespace nestbox {
namespace {

constexpr int k_timed_out = 124;  ///< as timeout(1) has it
constexpr std::chrono::seconds k_answer_time(60);
constexpr std::size_t k_most_answer = 64 * 1024;

/// Those whose output the verb hands on.
std::vector<std::string> speakers(const Verb& verb) {
  if (const auto* connect = std::get_if<ConnectVerb>(&verb))
    return {connect->machine};
  const auto* exec = std::get_if<ExecVerb>(&verb);
  return exec ? exec->machines : std::vector<std::string>();
}

int code_of(const VerbContext& context, const ExecVerb& verb, const std::string& machine,
            const CommandResult& result) {
  if (result.timed_out && context.deadline.passed())
    throw Error(ErrorCode::timeout,
                fmt::format("the command on machine '{}' was ended at the deadline", machine));
  if (result.timed_out) {
    context.output.say(OutputStream::standard_error,
                       fmt::format("exec: the command on machine '{}' took longer than {} and was "
                                   "ended\n",
                                   machine, format_duration(*verb.timeout)));
    return k_timed_out;
  }
  if (result.oom_kills > 0)
    context.output.say(OutputStream::standard_error,
                       fmt::format("exec: machine '{}' ran out of memory: its kernel killed {} "
                                   "process{}\n",
                                   machine, result.oom_kills, result.oom_kills == 1 ? "" : "es"));
  return result.status.shell_code();
}

int execute_exec(const VerbContext& context, const ExecVerb& verb) {
  std::vector<int> codes(verb.machines.size());
  std::vector<CancellableTask> tasks;
  for (std::size_t index = 0; index < verb.machines.size(); ++index) {
    const std::string& machine = verb.machines[index];
    Command command = placed(
        context, machine,
        {.argv = verb.command, .environment = verb.variables, .working_directory = verb.directory});
    command.leaves_running = true;  // a server that it starts is there for the verbs to come
    tasks.push_back(
        [&context, &verb, &machine, command, &code = codes[index]](const CancelToken& cancel) {
          CommandIo io;
          io.output = [&](OutputStream stream, std::string_view bytes) {
            context.output.write(machine, stream, bytes);
          };
          io.input = verb.machines.size() == 1 ? context.io.input : -1;
          const Deadline deadline = verb.timeout
                                        ? earlier(context.deadline, Deadline::after(*verb.timeout))
                                        : context.deadline;
          ScopeExit finish([&] { context.output.finish(machine); });
          const CommandResult result = run_on(context, machine, command, io, deadline, cancel);
          finish.dismiss();
          context.output.finish(machine, result);
          code = code_of(context, verb, machine, result);
        });
  }
  run_together(tasks, context.cancel);
  for (const int code : codes)
    if (code != 0)
      return code;
  return 0;
}

int execute_barrier(const VerbContext& context, const BarrierVerb& verb) {
  std::vector<std::string> members = verb.machines;
  if (members.empty())
    for (const TopologyMachine& machine : context.world.topology().machines)
      members.push_back(machine.name);
  const std::string& caller = context.caller.machine;
  context.world.barriers().arrive(
      verb.name, members, context.world.owns(caller) ? caller : "", verb.timeout,
      earlier(context.deadline, Deadline::after(verb.timeout)), context.cancel);
  return 0;
}

int execute_connect(const VerbContext& context, const ConnectVerb& verb) {
  CommandIo io;
  io.output = [&](OutputStream stream, std::string_view bytes) {
    context.output.write(verb.machine, stream, bytes);
  };
  io.input = context.io.input;
  const Command server{.argv = ssh_connection_server(), .leaves_running = true};
  return run_on(context, verb.machine, server, io, context.deadline, context.cancel)
      .status.shell_code();
}

}  // namespace

Command placed(const VerbContext& context, const std::string& machine, Command command) {
  const CommandPlace place = context.caller.place ? context.caller.place(machine) : CommandPlace{};
  if (command.working_directory.empty())
    command.working_directory = place.directory;
  // The first of a name wins.
  command.environment.insert(place.variables.begin(), place.variables.end());
  const auto& variables = context.world.environment(machine).variables;
  command.environment.insert(variables.begin(), variables.end());
  return command;
}

CommandResult run_on(const VerbContext& context, const std::string& machine, const Command& command,
                     const CommandIo& io, Deadline deadline, const CancelToken& cancel) {
  Machine& on = context.world.machine(machine);
  try {
    CommandResult result = on.transport().run(command, io, deadline, cancel);
    if (result.cancelled)
      cancel.throw_if_cancelled();
    return result;
  } catch (const Error& error) {
    if (error.code != ErrorCode::lost)
      throw;
    const Condition condition = on.condition();
    if (condition != Condition::running)
      throw machine_ended(context.world, machine, condition);
    throw Error(ErrorCode::lost, fmt::format("machine '{}': {}", machine, error.message));
  }
}

std::string ask(const VerbContext& context, const std::string& machine, const std::string& script,
                const std::vector<std::string>& arguments, const CancelToken& cancel) {
  Command command{.argv = {"/bin/sh", "-c", script, "sh"}};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  std::string answer;
  Tail complaints;
  CommandIo io;
  io.output = [&](OutputStream stream, std::string_view bytes) {
    if (stream == OutputStream::standard_error)
      complaints.add(bytes);
    else
      answer += bytes.substr(0, k_most_answer - answer.size());
  };
  const CommandResult result =
      run_on(context, machine, command, io, Deadline::after(k_answer_time), cancel);
  if (result.timed_out || !result.status.success())
    throw Error(ErrorCode::infrastructure,
                fmt::format("machine '{}' cannot say how it is: {}", machine,
                            printable(complaints.last_lines())));
  return answer;
}

int execute(World& world, const Verb& verb, const VerbCaller& caller, const VerbIo& io,
            Deadline deadline, const CancelToken& cancel) {
  VerbOutput output(io, speakers(verb));
  const VerbContext context{world, caller, io, output, deadline, cancel};
  struct Visitor {
    const VerbContext& context;
    int operator()(const ExecVerb& exec) const { return execute_exec(context, exec); }
    int operator()(const CopyVerb& copy) const { return execute_copy(context, copy); }
    int operator()(const WaitForVerb& wait) const { return execute_wait(context, wait); }
    int operator()(const NetVerb& net) const { return execute_net(context, net); }
    int operator()(const BarrierVerb& barrier) const { return execute_barrier(context, barrier); }
    int operator()(const ConnectVerb& connect) const { return execute_connect(context, connect); }
    int operator()(const MachinesVerb& machines) const {
      context.output.say(OutputStream::standard_output, machines.json
                                                            ? machines_json(context.world)
                                                            : machines_text(context.world));
      return 0;
    }
  };
  return std::visit(Visitor{context}, verb);
}

}  // namespace nestbox
