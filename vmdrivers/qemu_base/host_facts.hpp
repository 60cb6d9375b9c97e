#pragma once

#include <sys/types.h>

#include <string>

#include "harness/base/units.hpp"

namespace nestbox::qemu {

/// Another one each time this host is booted; empty when it cannot be read.
std::string boot_id();

/// What the processor is and can, of /proc/cpuinfo's first processor.
std::string host_cpu();

/// Whether KVM's guests may have a KVM of their own.
bool kvm_nests();

/// Memory of a process that is no file's and no other process's; 0 once it has ended.
Bytes private_memory_of(pid_t process);

}  // namespace nestbox::qemu
