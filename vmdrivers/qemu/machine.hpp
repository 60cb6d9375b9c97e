#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/clock.hpp"
#include "vmdrivers/qemu/argv.hpp"
#include "vmdrivers/qemu/monitor.hpp"

namespace nestbox::qemu {

/// What of the host a machine is started with, beside its command line.
struct StartFiles {
  std::filesystem::path scratch;  ///< what it throws away when it ends is written below
  std::filesystem::path state{};  ///< when it restores: the saved state
  std::vector<int> cables{};      ///< as BootOptions::cables
};

/// A machine that is one QEMU process.
class QemuMachine final : public Machine {
public:
  /// Starts QEMU and, when `launch` restores, tells it to load the state; waits for nothing.
  /// `cancel` ends it until await_agent has returned.
  QemuMachine(const Launch& launch, const StartFiles& files, CancelToken cancel);
  ~QemuMachine() override;

  /// Until the agent has answered. Throws Error(lost) with the cause as far as it is known,
  /// Error(cancelled).
  void await_agent(Deadline deadline);

  /// Why it does not answer, in one line, as far as it is known; `symptom` is how that showed.
  std::string cause(const Error& symptom);

  const MachineSpec& spec() const override { return m_launch.spec; }
  std::string workspace() const override { return "/nestbox"; }
  Transport& transport() override { return *m_transport; }
  Condition condition() override { return m_monitor->condition(); }
  void on_end(std::function<void(Condition)> handler) override {
    m_monitor->on_end(std::move(handler));
  }
  std::string console() const override { return m_monitor->console(); }
  Bytes private_memory() const override;
  void resume() override;
  Snapshot save(Deadline deadline) override;

private:
  Launch m_launch;
  CancelToken m_cancel;
  std::unique_ptr<Monitor> m_monitor;
  std::unique_ptr<Transport> m_transport;
};

}  // namespace nestbox::qemu
