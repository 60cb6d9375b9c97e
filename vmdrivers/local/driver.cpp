#include "vmdrivers/local/driver.hpp"

#include <unistd.h>

#include "harness/base/error.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/subprocess.hpp"
#include "harness/guest/host_transport.hpp"

namespace nestbox::local {

namespace {

using namespace std::chrono_literals;

Error cannot_fork() {
  return Error(ErrorCode::unsupported, "driver 'local' cannot fork a running machine",
               "it runs commands on this host; choose another driver with '--driver'");
}

class LocalMachine final : public Machine {
public:
  LocalMachine(MachineSpec spec, bool use_sudo)
      : m_spec(std::move(spec)), m_use_sudo(use_sudo), m_transport(make_host_transport(use_sudo)) {}

  ~LocalMachine() override {
    if (m_use_sudo)
      remove_as_root();
  }

  const MachineSpec& spec() const override { return m_spec; }
  std::string workspace() const override { return m_workspace.path(); }
  Transport& transport() override { return *m_transport; }
  Condition condition() override { return Condition::running; }
  std::string console() const override { return {}; }
  Bytes private_memory() const override { return {}; }
  void on_end(std::function<void(Condition)>) override {}  // this host does not end
  void resume() override {}
  Snapshot save(Deadline) override { throw cannot_fork(); }

private:
  // Commands may have left files of root's, which only root can remove.
  void remove_as_root() noexcept {
    const Command remove = {.argv = {"rm", "-rf", "--", m_workspace.path().string()}};
    try {
      m_transport->run(remove, {}, Deadline::after(30s), {});
    } catch (const Error&) {
      // What is left is removed as far as we may, by the directory itself.
    }
  }

  MachineSpec m_spec;
  bool m_use_sudo;
  TemporaryDirectory m_workspace;
  std::unique_ptr<Transport> m_transport;
};

class LocalDriver final : public Driver {
public:
  explicit LocalDriver(bool use_sudo) : m_use_sudo(use_sudo) {}

  std::string_view name() const override { return "local"; }
  Capabilities capabilities() const override { return {.boots = Boots::host, .terminal = true}; }

  Availability availability() override {
    if (m_use_sudo && ::geteuid() != 0) {
      const Result<Captured> tried = catch_error([] {
        return run_captured({.argv = {"sudo", "-n", "--", "true"}}, Deadline::after(10s));
      });
      if (!tried || !tried->status.success())
        return {.reason = "sudo needs a password here, or is not installed",
                .hint = "let 'sudo -n true' succeed, or leave out '--sudo'"};
    }
    return {
        .available = true, .reason = "this host itself, not isolated", .acceleration = "native"};
  }

  std::unique_ptr<Machine> boot(const MachineSpec& spec, const BootOptions&, Deadline,
                                const CancelToken&) override {
    return std::make_unique<LocalMachine>(spec, m_use_sudo);
  }

  std::unique_ptr<Machine> fork(const Snapshot&, const ForkOptions&, Deadline,
                                const CancelToken&) override {
    throw cannot_fork();
  }

  std::string snapshot_key() override { return "local"; }
  double slowdown() override { return 1.0; }

private:
  bool m_use_sudo;
};

}  // namespace

std::unique_ptr<Driver> make_driver(const DriverSettings& settings) {
  return std::make_unique<LocalDriver>(settings.use_sudo);
}

}  // namespace nestbox::local
