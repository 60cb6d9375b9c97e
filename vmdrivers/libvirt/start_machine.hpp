#pragma once

#include <memory>

#include "vmdrivers/libvirt/domain_names.hpp"
#include "vmdrivers/libvirt/domain_xml.hpp"
#include "vmdrivers/libvirt/handle.hpp"
#include "vmdrivers/qemu_base/machine.hpp"

namespace nestbox::libvirt {

/// Starts a domain that is `launch`, as DomainQemu does it, and when it restores, tells it to load
/// the state; does not wait for the guest. Throws Error(infrastructure) as
/// libvirt has it, Error(lost) when QEMU has ended, Error(cancelled).
std::unique_ptr<qemu::QemuMachine> start_machine(std::shared_ptr<Connection> connection,
                                                 DomainNames& names, const DomainLaunch& launch,
                                                 const qemu::Start& start,
                                                 const CancelToken& cancel);

}  // namespace nestbox::libvirt
