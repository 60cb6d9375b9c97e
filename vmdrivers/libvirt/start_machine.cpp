#include "vmdrivers/libvirt/start_machine.hpp"

#include <unistd.h>

#include "vmdrivers/libvirt/domain_qemu.hpp"

namespace nestbox::libvirt {
namespace {

/// A state is some hundred kilobytes.
constexpr std::chrono::seconds k_load_time(30);

/// From libvirt's complaint of a QEMU that does not answer to the end of its process, if that is
/// why.
constexpr std::chrono::seconds k_grace(2);

}  // namespace

std::unique_ptr<qemu::QemuMachine> start_machine(std::shared_ptr<Connection> connection,
                                                 DomainNames& names, const DomainLaunch& launch,
                                                 const qemu::Start& start,
                                                 const CancelToken& cancel) {
  // QEMU has it open then; one that restores opens it once more before the guest runs.
  const ScopeExit unlink_overlay([&] {
    if (launch.overlay)
      ::unlink(launch.overlay->c_str());
  });
  cancel.throw_if_cancelled();
  auto started = std::make_unique<DomainQemu>(std::move(connection), names, launch, cancel);
  DomainQemu& qemu = *started;
  FileDescriptor agent = qemu.take_agent();
  auto machine =
      std::make_unique<qemu::QemuMachine>(start, "libvirt", std::move(started), std::move(agent));
  try {
    qemu.plug(start.cables);
    if (start.state)
      qemu.load(*start.state);
    if (!start.paused)
      qemu.resume();
    else
      qemu.watcher().await_migration(1, Deadline::after(k_load_time));
  } catch (const Error& error) {
    if (!qemu.watcher().await_end(Deadline::after(k_grace))
        && machine->condition() == Condition::running)
      throw;
    throw machine->unanswered(error);
  }
  return machine;
}

}  // namespace nestbox::libvirt
