#include "runner/world_stage.hpp"

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <list>
#include <mutex>
#include <set>

#include <fmt/format.h>

#include "harness/base/filesystem.hpp"
#include "harness/env/net_listing.hpp"
#include "harness/env/run_together.hpp"
#include "runner/remote_access.hpp"
#include "runner/run_directory.hpp"
#include "runner/verb_server.hpp"
#include "runner/world_description.hpp"
#include "runner/world_verbs.hpp"

namespace nestbox {
namespace {

constexpr std::chrono::minutes k_capture_time{1};

/// Short enough to be typed.
std::uint64_t random_seed() {
  std::uint32_t seed = 0;
  if (::getrandom(&seed, sizeof seed, 0) != sizeof seed)
    throw Error(ErrorCode::io, "the kernel gives no random bytes");
  return seed;
}

/// What programs find beside the source tree: `python/nestbox.py`, and `bin/nestbox`, which is us,
/// even when our file is replaced meanwhile.
void write_tools(const fs::path& directory) {
  static std::mutex s_mutex;
  const std::lock_guard lock(s_mutex);
  if (fs::exists(directory))
    return;
  fs::create_directories(directory / "python");
  fs::create_directories(directory / "bin");
  write_whole(directory / "python/nestbox.py", python_module());
  fs::create_symlink(fmt::format("/proc/{}/exe", ::getpid()), directory / "bin/nestbox");
}

class WorldStage final : public Stage {
public:
  WorldStage(const StageParts& parts, PreparedTopology& topology, PreparedEnvironment& outside,
             Deadline deadline, const CancelToken& cancel)
      : m_parts(parts), m_stop(cancel),
        m_world(topology.world({.run_name = parts.run.machine,
                                .seed = parts.context.seed.value_or(random_seed()),
                                .isolation = parts.run.test->isolation},
                               deadline, m_stop.token())),
        m_verbs(parts, *m_world,
                [this](const std::string& machine, const CancelToken& token) {
                  return place_on(machine, token);
                }),
        m_server([this](const std::string& caller, const VerbCall& call, VerbChannel& channel) {
          return m_verbs.answer(caller, call, channel);
        }) {
    m_world->on_end(
        [this](const std::string& machine, Condition condition) { note_end(machine, condition); });
    make_workplaces(outside, deadline);
    for (const Workplace& place : m_workplaces)
      place.machine().transport().on_call(
          [this, caller = place.on_host() ? std::string() : place.name()](
              FileDescriptor connection) { m_server.serve(caller, std::move(connection)); });
  }

  ~WorldStage() override {
    for (const Workplace& place : m_workplaces)
      place.machine().transport().on_call({});
    m_world->on_end({});
  }

  std::vector<Workplace*> workplaces() override {
    std::vector<Workplace*> all;
    for (Workplace& place : m_workplaces)
      all.push_back(&place);
    return all;
  }

  void lay_out(const CancelToken&) override {
    std::vector<CancellableTask> tasks;
    for (const std::string& name : machines_to_lay_out())
      tasks.emplace_back(
          [&place = workplace(name)](const CancelToken& cancel) { place.lay_out(cancel); });
    run_together(tasks, m_stop.token());
  }

  Performance perform(OutputRecorder& output, Deadline deadline, const CancelToken&) override {
    const Test& test = *m_parts.run.test;
    Performance done;
    if (test.steps.empty())
      done.command = run_test_command(m_workplaces.front(), test, output, deadline, m_stop.token());
    else
      done = m_verbs.perform_steps(output, deadline, m_stop.token());
    done.machine_end = machine_end();
    return done;
  }

  void fetch(const fs::path& artifacts, const CancelToken& cancel) override {
    const std::optional<MachineEnd> ended = machine_end();
    const Result<void> finished = catch_error([&] {
      finish_captures(*m_world, Deadline::after(scaled(k_capture_time, m_parts.use)), cancel);
    });
    if (!finished && !ended)
      throw finished.error();
    for (Workplace& place : m_workplaces) {
      if (!place.laid_out() || (ended && ended->machine == place.name()))
        continue;
      const bool speaks_for_the_test =
          m_parts.run.test->steps.empty() && &place == &m_workplaces.front();
      place.fetch(speaks_for_the_test ? artifacts : artifacts / place.name(), cancel);
    }
    std::error_code not_empty;
    for (Workplace& place : m_workplaces)
      fs::remove(artifacts / place.name(), not_empty);
  }

  std::optional<MachineEnd> machine_end() override {
    {
      std::lock_guard lock(m_mutex);
      if (m_end)
        return m_end;
    }
    for (const TopologyMachine& machine : m_world->topology().machines)
      if (const Condition condition = m_world->machine(machine.name).condition();
          condition != Condition::running)
        note_end(machine.name, condition);
    std::lock_guard lock(m_mutex);
    return m_end;
  }

  void keep_evidence(const fs::path& folder) override {
    for (const TopologyMachine& machine : m_world->topology().machines)
      if (const std::string console = m_world->machine(machine.name).console(); !console.empty())
        write_whole(folder / fmt::format("console-{}.log", machine.name), console);
    if (!m_world->topology().networks.empty())
      write_whole(folder / "network.json", counters_json(*m_world));
  }

  std::optional<std::uint64_t> seed() const override {
    if (m_world->topology().networks.empty())
      return std::nullopt;
    return m_world->seed();
  }

private:
  bool from_outside() const { return m_parts.run.test->from == k_from_host; }
  bool on_host() const { return from_outside() && !m_parts.use.container; }

  void make_workplaces(PreparedEnvironment& outside, Deadline deadline) {
    const fs::path tools = m_parts.context.run_directory / "tools";
    write_tools(tools);
    if (from_outside())
      m_outside = outside.machine(m_parts.run.machine, Isolation::fork, deadline, m_stop.token());
    give_access(deadline);
    if (on_host()) {
      std::string programs = tools / "bin";
      if (m_access && !m_access->programs().empty())
        programs += ":" + m_access->programs();
      m_workplaces.emplace_back(
          Workplace::Parts{.context = m_parts.context,
                           .use = m_parts.use,
                           .run = m_parts.run,
                           .machine = *m_outside,
                           .environment = outside.definition(),
                           .on_host = true,
                           .name = k_from_host,
                           .variables = variables_on(k_from_host),
                           .search_paths = {{"PATH", programs}, {"PYTHONPATH", tools / "python"}}});
    } else if (from_outside()) {
      m_world->accompany(k_from_host, *m_outside);
      add_workplace(k_from_host, *m_outside, outside.definition(), tools);
    }
    for (const TopologyMachine& machine : m_world->topology().machines)
      add_workplace(machine.name, m_world->machine(machine.name),
                    m_world->environment(machine.name), tools);
    // The one on which the test's command runs comes first.
    const auto first =
        std::find_if(m_workplaces.begin(), m_workplaces.end(),
                     [&](Workplace& place) { return place.name() == m_parts.run.test->from; });
    if (first != m_workplaces.end())
      m_workplaces.splice(m_workplaces.begin(), m_workplaces, first);
  }

  /// Of a machine, or a container.
  void add_workplace(const std::string& name, Machine& machine, const Environment& environment,
                     const fs::path& tools) {
    m_workplaces.emplace_back(
        Workplace::Parts{.context = m_parts.context,
                         .use = m_parts.use,
                         .run = m_parts.run,
                         .machine = machine,
                         .environment = environment,
                         .on_host = false,
                         .name = name,
                         .variables = variables_on(name),
                         .search_paths = {{"PYTHONPATH", machine.workspace() + "/python"}},
                         .python_module = tools / "python/nestbox.py"});
  }

  /// For a test whose process drives machines from outside.
  void give_access(Deadline deadline) {
    const Test& test = *m_parts.run.test;
    const std::vector<TopologyMachine>& machines = m_world->topology().machines;
    const bool wanted =
        !test.exposed.empty()
        || std::any_of(machines.begin(), machines.end(),
                       [](const TopologyMachine& machine) { return !machine.user.empty(); });
    if (!wanted || !test.steps.empty())
      return;
    Machine& place = from_outside() ? *m_outside : m_world->machine(test.from);
    m_access.emplace(*m_world, DrivingPlace{place, test.from, on_host()}, deadline, m_stop.token());
  }

  std::map<std::string, std::string> variables_on(const std::string& place) const {
    const bool driving = m_access && place == m_parts.run.test->from;
    std::map<std::string, std::string> variables;
    if (driving)
      variables = m_access->variables(m_parts.run.test->exposed);
    variables["NESTBOX_MACHINES"] =
        driving ? describe_machines(m_world->topology(), m_access->machines(), m_access->files())
                : describe_machines(m_world->topology());
    variables["NESTBOX_SEED"] = std::to_string(m_world->seed());
    return variables;
  }

  Workplace& workplace(const std::string& machine) {
    return *std::find_if(m_workplaces.begin(), m_workplaces.end(),
                         [&](const Workplace& place) { return place.name() == machine; });
  }

  /// Where it is known beforehand that commands will run; the others follow when one does.
  std::set<std::string> machines_to_lay_out() const {
    const Test& test = *m_parts.run.test;
    if (test.steps.empty())
      return {m_workplaces.front().name()};
    std::set<std::string> machines;
    for (const WorldStep& step : test.steps)
      if (const auto* exec = std::get_if<ExecVerb>(&step.verb))
        machines.insert(exec->machines.begin(), exec->machines.end());
    return machines;
  }

  CommandPlace place_on(const std::string& machine, const CancelToken& cancel) {
    Workplace& place = workplace(machine);
    place.lay_out(cancel);
    return {place.start_directory(), place.variables()};
  }

  void note_end(const std::string& machine, Condition condition) {
    {
      std::lock_guard lock(m_mutex);
      if (!m_end)
        m_end = MachineEnd{machine, condition, m_world->machine(machine).console()};
    }
    m_stop.cancel();
  }

  const StageParts m_parts;
  std::mutex m_mutex;
  std::optional<MachineEnd> m_end;
  CancelSource m_stop;  ///< a machine ended, or all is to
  std::unique_ptr<World> m_world;
  std::unique_ptr<Machine> m_outside;  ///< this host, or a container on it; unless from a machine
  std::optional<RemoteAccess> m_access;
  std::list<Workplace> m_workplaces;
  WorldVerbs m_verbs;
  VerbServer m_server;
};

class PreparedWorldStage final : public PreparedStage {
public:
  PreparedWorldStage(std::shared_ptr<PreparedTopology> topology,
                     std::shared_ptr<PreparedEnvironment> outside)
      : m_topology(std::move(topology)), m_outside(std::move(outside)) {}

  std::unique_ptr<Stage> open(const StageParts& parts, Deadline deadline,
                              const CancelToken& cancel) override {
    return std::make_unique<WorldStage>(parts, *m_topology, *m_outside, deadline, cancel);
  }

private:
  std::shared_ptr<PreparedTopology> m_topology;
  std::shared_ptr<PreparedEnvironment> m_outside;
};

}  // namespace

std::shared_ptr<PreparedStage> make_world_stage(std::shared_ptr<PreparedTopology> topology,
                                                std::shared_ptr<PreparedEnvironment> outside) {
  return std::make_shared<PreparedWorldStage>(std::move(topology), std::move(outside));
}

}  // namespace nestbox
