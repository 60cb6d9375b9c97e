#include "tests/unit/env/fake_driver.hpp"

#include "harness/base/filesystem.hpp"
#include "harness/base/text.hpp"
#include "harness/vm/snapshot.hpp"

namespace nestbox {
namespace {

class FakeMachine final : public Machine, private Transport {
public:
  FakeMachine(FakeDriver& driver, MachineSpec spec, std::vector<std::string> memory)
      : m_driver(driver), m_spec(std::move(spec)), m_memory(std::move(memory)) {}

  const std::vector<std::string>& memory() const { return m_memory; }

  const MachineSpec& spec() const override { return m_spec; }
  std::string workspace() const override { return "/nestbox"; }
  Transport& transport() override { return *this; }
  Condition condition() override { return Condition::running; }
  std::string console() const override { return "Kernel panic - not syncing\n"; }
  Bytes private_memory() const override { return mebibytes(1); }
  void on_end(std::function<void(Condition)>) override {}
  void resume() override {}

  Snapshot save(Deadline) override {
    const fs::path directory = m_spec.save_directory.value();
    write_file_atomically(directory / "ram", join(m_memory, "\n"));
    // No machine's memory is ever the same twice.
    write_file_atomically(directory / "state", std::to_string(++m_driver.saves));
    Snapshot snapshot{directory, m_spec};
    if (snapshot.spec.disk) {
      snapshot.spec.disk = directory / "disk.qcow2";
      snapshot.spec.disk_format = "qcow2";
      write_file_atomically(*snapshot.spec.disk, "disk");
    }
    store_snapshot(snapshot);
    return snapshot;
  }

private:
  CommandResult run(const Command& command, const CommandIo& io, Deadline,
                    const CancelToken&) override {
    const std::string& script = command.argv.back();
    if (script == "true")
      return {};
    if (script.find("die") != std::string::npos)
      throw Error(ErrorCode::lost, "the machine no longer answers");
    m_memory.push_back(script);
    io.output(OutputStream::standard_output, "did " + script + "\n");
    CommandResult result;
    if (script.starts_with("exit "))
      result.status.code = std::stoi(script.substr(5));
    return result;
  }

  void put(const fs::path& root, const std::vector<std::string>& files,
           const std::string& destination, Deadline, const CancelToken&) override {
    for (const std::string& file : files)
      m_memory.push_back(destination + "/" + file + "=" + read_file(root / file));
  }

  void get(const std::string&, const fs::path&, Bytes, Deadline, const CancelToken&) override {}
  void thaw(const Identity& identity, Deadline) override { m_driver.last_identity = identity; }
  void quiesce(Deadline) override {}
  void ping(Deadline, const CancelToken&) override {}
  void on_call(std::function<void(FileDescriptor)>) override {}

  FakeDriver& m_driver;
  MachineSpec m_spec;
  std::vector<std::string> m_memory;
};

}  // namespace

std::unique_ptr<Machine> FakeDriver::boot(const MachineSpec& spec, const BootOptions&, Deadline,
                                          const CancelToken&) {
  ++boots;
  last_boot = spec;
  return std::make_unique<FakeMachine>(*this, spec, std::vector<std::string>());
}

std::unique_ptr<Machine> FakeDriver::fork(const Snapshot& snapshot, const ForkOptions& options,
                                          Deadline, const CancelToken&) {
  ++forks;
  if (dead_forks)
    throw Error(ErrorCode::lost, "the clone does not answer");
  std::vector<std::string> memory = split(read_file(snapshot.directory / "ram"), '\n');
  std::erase(memory, "");
  MachineSpec spec = snapshot.spec;
  spec.name = options.name;
  spec.save_directory = options.save_directory;
  return std::make_unique<FakeMachine>(*this, spec, memory);
}

const std::vector<std::string>& history(Machine& machine) {
  return dynamic_cast<FakeMachine&>(machine).memory();
}

}  // namespace nestbox
