#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "harness/base/clock.hpp"
#include "vmdrivers/qemu/argv.hpp"
#include "vmdrivers/qemu/monitor.hpp"

namespace nestbox::qemu {

/// A machine that is one QEMU process.
class QemuMachine final : public Machine {
public:
  /// Starts QEMU and, when `launch` restores, tells it to load the state at `state`; waits for
  /// nothing. What the machine throws away when it ends is written below `scratch`. `cancel` ends
  /// it until await_agent has returned.
  QemuMachine(const Launch& launch, const std::filesystem::path& state,
              const std::filesystem::path& scratch, CancelToken cancel);
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

/// The files of a snapshot beside those that vm/snapshot.hpp names; the disk only when the machine
/// had one.
inline constexpr char k_state_file[] = "state";
inline constexpr char k_disk_file[] = "disk.qcow2";

}  // namespace nestbox::qemu
