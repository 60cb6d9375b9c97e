#include "vmdrivers/qemu/driver.hpp"

#include <fmt/format.h>

#include "vmdrivers/qemu/start_machine.hpp"
#include "vmdrivers/qemu_base/driver_base.hpp"

namespace nestbox::qemu {
namespace {

class QemuDriver final : public DriverBase {
public:
  using DriverBase::DriverBase;

  std::string_view name() const override { return "qemu"; }

private:
  std::unique_ptr<QemuMachine> start(const Engine& engine, const Start& start, Deadline deadline,
                                     const CancelToken& cancel) override;
  std::string format() override { return fmt::format("argv {}", k_argv_version); }
  std::string choice_file() override { return "accelerator.json"; }
};

std::unique_ptr<QemuMachine> QemuDriver::start(const Engine& engine, const Start& start, Deadline,
                                               const CancelToken&) {
  const Launch launch{.binary = engine.program.path,
                      .accelerator = engine.choice.accelerator,
                      .spec = start.spec,
                      .ram_file = start.ram_file,
                      .keep_disk_writes = start.spec.save_directory.has_value(),
                      .restore = start.state.has_value(),
                      .paused = start.paused,
                      .cabled = !start.cables.empty()};
  return start_machine(launch, start, engine.scratch);
}

}  // namespace

std::unique_ptr<Driver> make_driver(const DriverSettings& settings) {
  return std::make_unique<QemuDriver>(settings);
}

}  // namespace nestbox::qemu
