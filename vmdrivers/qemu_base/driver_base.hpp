#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "harness/base/lazy.hpp"
#include "vmdrivers/qemu_base/accelerator.hpp"
#include "vmdrivers/qemu_base/machine.hpp"
#include "vmdrivers/qemu_base/program.hpp"

namespace nestbox::qemu {

/// What runs the machines.
struct Engine {
  Program program;
  std::filesystem::path scratch;  ///< as swept_scratch
  AcceleratorChoice choice{};
};

/// A driver whose machines are QEMUs, but for how they are started.
class DriverBase : public Driver {
public:
  explicit DriverBase(const DriverSettings& settings) : m_settings(settings) {}

  Capabilities capabilities() const override;
  /// Its `hint` is empty when nothing is known but the reason.
  Availability availability() override;
  std::unique_ptr<Machine> boot(const MachineSpec& spec, const BootOptions& options,
                                Deadline deadline, const CancelToken& cancel) override;
  std::unique_ptr<Machine> fork(const Snapshot& snapshot, const ForkOptions& options,
                                Deadline deadline, const CancelToken& cancel) override;
  std::string snapshot_key() override;
  double slowdown() override { return m_engine.get().choice.slowdown; }

private:
  /// Starts a machine with the engine's accelerator; does not wait for the guest. `start` has all
  /// that is to be saved; what else the guest writes to its disk is thrown away.
  virtual std::unique_ptr<QemuMachine> start(const Engine& engine, const Start& start,
                                             Deadline deadline, const CancelToken& cancel) = 0;
  /// All of how it starts a QEMU that a saved machine depends on: "argv 2".
  virtual std::string format() = 0;
  /// The file of the cache that keeps which accelerator was chosen.
  virtual std::string choice_file() = 0;

  Engine find_engine();
  double probe(Engine engine, const Rung& rung, const MachineSpec& guest);

  DriverSettings m_settings;
  Lazy<Engine> m_engine{[this] { return find_engine(); }};
};

}  // namespace nestbox::qemu
