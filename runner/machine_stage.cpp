#include "runner/stage.hpp"

#include "harness/base/filesystem.hpp"
#include "runner/run_directory.hpp"

namespace nestbox {
namespace {

class MachineStage final : public Stage {
public:
  MachineStage(const StageParts& parts, std::unique_ptr<Machine> machine)
      : m_run(parts.run), m_machine(std::move(machine)),
        m_place({.context = parts.context,
                 .use = parts.use,
                 .run = parts.run,
                 .machine = *m_machine,
                 .environment = parts.use.environment,
                 .on_host = parts.use.on_host,
                 .name = parts.run.machine}) {}

  std::vector<Workplace*> workplaces() override { return {&m_place}; }

  void lay_out(const CancelToken& cancel) override { m_place.lay_out(cancel); }

  Performance perform(OutputRecorder& output, Deadline deadline,
                      const CancelToken& cancel) override {
    Performance done;
    done.command = run_test_command(m_place, *m_run.test, output, deadline, cancel);
    if (done.command.timed_out && m_machine->condition() == Condition::panicked)
      done.machine_end = machine_end();
    return done;
  }

  void fetch(const fs::path& artifacts, const CancelToken& cancel) override {
    m_place.fetch(artifacts, cancel);
  }

  std::optional<MachineEnd> machine_end() override {
    const Condition condition = m_machine->condition();
    if (condition == Condition::running)
      return std::nullopt;
    return MachineEnd{{}, condition, m_machine->console()};
  }

  void keep_evidence(const fs::path& folder) override {
    if (const std::string console = m_machine->console(); !console.empty())
      write_whole(folder / "console.log", console);
  }

private:
  const TestRun& m_run;
  std::unique_ptr<Machine> m_machine;
  Workplace m_place;
};

class PreparedMachineStage final : public PreparedStage {
public:
  explicit PreparedMachineStage(std::shared_ptr<PreparedEnvironment> environment)
      : m_environment(std::move(environment)) {}

  std::unique_ptr<Stage> open(const StageParts& parts, Deadline deadline,
                              const CancelToken& cancel) override {
    return std::make_unique<MachineStage>(
        parts,
        m_environment->machine(parts.run.machine, parts.run.test->isolation, deadline, cancel));
  }

private:
  std::shared_ptr<PreparedEnvironment> m_environment;
};

}  // namespace

CommandResult run_test_command(const Workplace& place, const Test& test, OutputRecorder& output,
                               Deadline deadline, const CancelToken& cancel) {
  CommandIo io;
  io.output = [&output](OutputStream stream, std::string_view bytes) {
    output.write(stream, bytes);
  };
  return place.machine().transport().run(place.command(test.command), io, deadline, cancel);
}

std::shared_ptr<PreparedStage>
make_machine_stage(std::shared_ptr<PreparedEnvironment> environment) {
  return std::make_shared<PreparedMachineStage>(std::move(environment));
}

}  // namespace nestbox
