#pragma once

#include <memory>
#include <string>

#include "harness/base/clock.hpp"
#include "harness/vm/machine.hpp"
#include "vmdrivers/qemu_base/running_qemu.hpp"
#include "vmdrivers/qemu_base/start.hpp"

namespace nestbox::qemu {

/// A machine that is one QEMU.
class QemuMachine final : public Machine {
public:
  /// `agent` is our end of the agent's port.
  QemuMachine(const Start& start, std::string driver, std::unique_ptr<RunningQemu> qemu,
              FileDescriptor agent);

  /// Until the agent has answered. Throws Error(lost) with the cause as far as it is known,
  /// Error(cancelled).
  void await_agent(Deadline deadline, const CancelToken& cancel);

  /// Why it does not answer, in one line, as far as it is known; `symptom` is how that showed.
  std::string cause(const Error& symptom);
  /// Error(lost) with the cause and what its console says.
  Error unanswered(const Error& symptom);

  const MachineSpec& spec() const override { return m_spec; }
  std::string workspace() const override { return "/nestbox"; }
  Transport& transport() override { return *m_transport; }
  Condition condition() override { return m_qemu->watcher().condition(); }
  void on_end(std::function<void(Condition)> handler) override {
    m_qemu->watcher().on_end(std::move(handler));
  }
  std::string console() const override { return m_qemu->watcher().console(); }
  Bytes private_memory() const override;
  void resume() override;
  Snapshot save(Deadline deadline) override;

private:
  void save_state(Deadline deadline);

  MachineSpec m_spec;
  bool m_restored;
  bool m_paused;
  std::string m_driver;
  std::unique_ptr<RunningQemu> m_qemu;
  std::unique_ptr<Transport> m_transport;
};

}  // namespace nestbox::qemu
