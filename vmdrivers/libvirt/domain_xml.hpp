#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "harness/vm/machine.hpp"
#include "vmdrivers/qemu_base/accelerator.hpp"
#include "vmdrivers/qemu_base/ram_file.hpp"

namespace nestbox::libvirt {

/// Raised when the meaning of the XML below changes for machines saved earlier: part of every
/// snapshot's key.
inline constexpr int k_xml_version = 1;

/// Who runs a domain's QEMU, and what confines it.
struct Confinement {
  /// The user and group that QEMU runs as, "+1000:+1000"; nothing: the daemon's own.
  std::optional<std::string> user{};
  /// A security model to be left out, for it knows nothing of the files we name: "apparmor"; empty:
  /// there is none.
  std::string model{};

  bool operator==(const Confinement&) const = default;
};

/// One start of a domain, whole.
struct DomainLaunch {
  std::string name{};
  std::string uuid;
  std::string owner;  ///< to_string(Owner)
  std::filesystem::path emulator;
  qemu::Accelerator accelerator;
  Confinement confinement{};
  MachineSpec spec;
  std::optional<std::filesystem::path> overlay{};  ///< qcow2, written to instead of spec.disk
  std::optional<qemu::RamFile> ram_file{};         ///< nothing: anonymous memory
  bool restore = false;                  ///< wait for a saved state instead of starting the kernel
  std::filesystem::path agent_socket{};  ///< where we listen for the agent's port
  std::filesystem::path console_socket{};  ///< and for the first serial port

  bool operator==(const DomainLaunch&) const = default;
};

/// libvirt's definition of the domain: a pure function, compared whole in tests. Each of the
/// machine's interfaces is wired to a hub of QEMU's, both numbered in their order from 0; a cable
/// is plugged into the hub once QEMU runs, for libvirt hands no descriptor over before.
std::string domain_xml(const DomainLaunch& launch);

}  // namespace nestbox::libvirt
