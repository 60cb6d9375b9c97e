#pragma once

#include <memory>
#include <string>
#include <vector>

#include "harness/vm/machine.hpp"

struct _virConnect;

namespace nestbox::bench {

/// The floor: libvirt itself, restoring the same template from the same definition, with as little
/// code as can be.
class RawLibvirt {
public:
  /// LIBVIRT_DEFAULT_URI says where.
  explicit RawLibvirt(const Snapshot& snapshot);
  ~RawLibvirt();
  RawLibvirt(const RawLibvirt&) = delete;

  /// Milliseconds from before the start to the first byte that the command prints.
  double first_byte(const std::vector<std::string>& command) const;

private:
  Snapshot m_snapshot;
  std::string m_emulator;
  _virConnect* m_connection;
};

}  // namespace nestbox::bench
