#include "tests/support/fake_machine.hpp"

#include "harness/base/text.hpp"

namespace nestbox {
namespace {

class FakeTransport : public Transport {
public:
  FakeTransport(std::shared_ptr<FakeWorld> world, std::string machine)
      : m_world(std::move(world)), m_machine(std::move(machine)) {}

  CommandResult run(const Command& command, const CommandIo& io, Deadline deadline,
                    const CancelToken& cancel) override {
    {
      std::lock_guard lock(m_world->mutex);
      m_world->commands.push_back(command);
    }
    return m_world->run(command, io, deadline, cancel);
  }

  void put(const fs::path&, const std::vector<std::string>& files, const std::string& destination,
           Deadline, const CancelToken& cancel) override {
    cancel.throw_if_cancelled();
    std::lock_guard lock(m_world->mutex);
    m_world->put.push_back(destination + ": " + join(files, " "));
  }

  void get(const std::string& source, const fs::path& destination, Bytes, Deadline,
           const CancelToken&) override {
    if (source.ends_with("/out"))
      m_world->outputs(destination);
  }

  void thaw(const Identity&, Deadline) override {}
  void quiesce(Deadline) override {}
  void ping(Deadline, const CancelToken&) override {}

  void on_call(std::function<void(FileDescriptor)> handler) override {
    std::lock_guard lock(m_world->mutex);
    m_world->on_call[m_machine] = std::move(handler);
  }

private:
  std::shared_ptr<FakeWorld> m_world;
  std::string m_machine;
};

class FakeMachine : public Machine {
public:
  FakeMachine(std::shared_ptr<FakeWorld> world, const std::string& name)
      : m_world(std::move(world)), m_transport(m_world, name) {
    m_spec.name = name;
    ++m_world->made;
    const int now = ++m_world->alive;
    int most = m_world->most;
    while (now > most && !m_world->most.compare_exchange_weak(most, now)) {
    }
  }
  ~FakeMachine() override {
    std::lock_guard lock(m_world->mutex);
    m_world->on_call.erase(m_spec.name);
    m_world->on_end.erase(m_spec.name);
    --m_world->alive;
  }

  const MachineSpec& spec() const override { return m_spec; }
  std::string workspace() const override { return "/work"; }
  Transport& transport() override { return m_transport; }
  Condition condition() override { return m_world->condition; }
  std::string console() const override { return m_world->console; }
  Bytes private_memory() const override { return m_world->private_memory; }
  void on_end(std::function<void(Condition)> handler) override {
    std::lock_guard lock(m_world->mutex);
    m_world->on_end[m_spec.name] = std::move(handler);
  }
  void resume() override {}
  Snapshot save(Deadline) override {
    throw Error(ErrorCode::unsupported, "a fake machine cannot be saved");
  }

private:
  std::shared_ptr<FakeWorld> m_world;
  FakeTransport m_transport;
  MachineSpec m_spec;
};

class FakeEnvironment : public PreparedEnvironment {
public:
  FakeEnvironment(std::shared_ptr<FakeWorld> world, Environment definition)
      : m_world(std::move(world)), m_definition(std::move(definition)) {}

  const Environment& definition() const override { return m_definition; }
  std::optional<Snapshot> template_snapshot() const override { return std::nullopt; }
  std::string content() const override { return m_definition.name; }
  std::unique_ptr<Machine> machine(const MachineOptions& options, Deadline,
                                   const CancelToken& cancel) override {
    cancel.throw_if_cancelled();
    m_world->before_machine(options.name);
    return make_fake_machine(m_world, options.name);
  }

private:
  std::shared_ptr<FakeWorld> m_world;
  Environment m_definition;
};

}  // namespace

bool FakeWorld::call(const std::string& name, FileDescriptor socket) {
  std::lock_guard lock(mutex);
  const auto found = on_call.find(name);
  if (found == on_call.end() || !found->second)
    return false;
  found->second(std::move(socket));
  return true;
}

void FakeWorld::end(const std::string& name, Condition how) {
  std::lock_guard lock(mutex);
  condition = how;
  if (const auto found = on_end.find(name); found != on_end.end() && found->second)
    found->second(how);
}

std::unique_ptr<Machine> make_fake_machine(std::shared_ptr<FakeWorld> world,
                                           const std::string& name) {
  return std::make_unique<FakeMachine>(std::move(world), name);
}

std::shared_ptr<PreparedEnvironment> make_fake_environment(std::shared_ptr<FakeWorld> world,
                                                           Environment definition) {
  return std::make_shared<FakeEnvironment>(std::move(world), std::move(definition));
}

FakeWorld::Run printing(std::string text, int code) {
  return [text = std::move(text), code](const Command&, const CommandIo& io, Deadline,
                                        const CancelToken&) {
    io.output(OutputStream::standard_output, text);
    CommandResult result;
    result.status.code = code;
    return result;
  };
}

}  // namespace nestbox
