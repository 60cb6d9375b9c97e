#include "vmdrivers/qemu_base/machine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "harness/base/filesystem.hpp"
#include "harness/base/socket_pair.hpp"
#include "harness/base/subprocess.hpp"
#include "harness/vm/snapshot.hpp"

namespace nestbox::qemu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Deadline soon() {
  return Deadline::after(std::chrono::seconds(60));
}

/// A process that waits to be ended, and takes every command for done.
class FakeQemu final : public RunningQemu {
public:
  ~FakeQemu() override { m_watcher.kill(); }

  Watcher& watcher() override { return m_watcher; }
  nlohmann::json ask(const std::string& command, const nlohmann::json&, int descriptor,
                     Deadline) override {
    asked.push_back(descriptor < 0 ? command : command + " with a file");
    if (command == "migrate")
      m_watcher.handle(QemuEvent::migrated);
    return {};
  }
  void resume() override { asked.push_back("resume"); }
  bool end(Deadline deadline) override {
    m_watcher.kill();
    return m_watcher.await_end(deadline);
  }
  std::optional<Error> refusal() const override { return refused; }
  std::string last_words() const override { return ": it was fake"; }

  void die() {
    m_process.kill();
    m_watcher.await_end(soon());
  }

  std::vector<std::string> asked;
  std::optional<Error> refused;

private:
  SocketPair m_console;
  SocketPair m_agent;
  Process m_process = Process::spawn({.argv = {"sleep", "1000"}});
  Watcher m_watcher{{.pid = m_process.pid(),
                     .process = duplicate(m_process.descriptor()),
                     .console = std::move(m_console.ours),
                     .agent = std::move(m_agent.ours)},
                    {}};
};

class QemuMachineTest : public testing::Test {
protected:
  QemuMachine& start(Start start = {}) {
    start.spec.name = "db";
    auto qemu = std::make_unique<FakeQemu>();
    m_qemu = qemu.get();
    m_machine =
        std::make_unique<QemuMachine>(start, "fake", std::move(qemu), std::move(m_agent_port.ours));
    return *m_machine;
  }
  FakeQemu& qemu() { return *m_qemu; }

private:
  SocketPair m_agent_port;
  FakeQemu* m_qemu = nullptr;
  std::unique_ptr<QemuMachine> m_machine;
};

TEST_F(QemuMachineTest, SaysWhyItDoesNotAnswer) {
  QemuMachine& machine = start();
  const Error symptom(ErrorCode::lost, "silence");
  EXPECT_EQ(machine.cause(symptom), "silence");
  qemu().refused = Error(ErrorCode::infrastructure, "no such device");
  EXPECT_EQ(machine.cause(symptom), "qemu refused: no such device");
  qemu().die();
  EXPECT_EQ(machine.cause(symptom), "qemu ended: it was fake");
  EXPECT_EQ(machine.unanswered(symptom).message,
            "machine 'db' did not answer: qemu ended: it was fake");
  qemu().watcher().handle(QemuEvent::shut_down);
  EXPECT_EQ(machine.cause(symptom), "it powered off");
  qemu().watcher().handle(QemuEvent::crashed);
  EXPECT_EQ(machine.cause(symptom), "its kernel panicked");
}

TEST_F(QemuMachineTest, IsNotResumedWhenItRuns) {
  start().resume();
  EXPECT_THAT(qemu().asked, ElementsAre());
}

TEST_F(QemuMachineTest, IsResumedOnceWhenItWasStartedPaused) {
  QemuMachine& machine = start({.spec = {}, .paused = true});
  machine.resume();
  machine.resume();
  EXPECT_THAT(qemu().asked, ElementsAre("resume"));
}

TEST_F(QemuMachineTest, IsSavedWhereItWasMadeFor) {
  const TemporaryDirectory directory;
  std::ofstream(directory.path() / k_ram_file) << "ram";
  Start saved;
  saved.spec.save_directory = directory.path();
  const Snapshot snapshot = start(saved).save(soon());
  EXPECT_THAT(qemu().asked,
              ElementsAre("migrate-set-capabilities", "getfd with a file", "migrate"));
  EXPECT_EQ(load_snapshot(directory.path()).spec.name, "db");
  EXPECT_FALSE(snapshot.spec.save_directory);
}

TEST_F(QemuMachineTest, IsNotSavedUnlessItWasMadeForIt) {
  EXPECT_THROW(start().save(soon()), Error);
}

TEST_F(QemuMachineTest, DoesNotTakeItsRestoringForItsSaving) {
  const TemporaryDirectory directory;
  Start restored;
  restored.spec.save_directory = directory.path();
  restored.state = directory.path() / "state of another";
  QemuMachine& machine = start(restored);
  const auto error = catch_error([&] { machine.save(Deadline::after({})); });
  ASSERT_FALSE(error);
  EXPECT_EQ(error.error().code, ErrorCode::timeout);
  EXPECT_THAT(error.error().render(), HasSubstr("saving machine 'db' (driver fake)"));
}

}  // namespace
}  // namespace nestbox::qemu
