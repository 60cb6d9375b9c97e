#pragma once

#include <cstdint>

#include "harness/base/scope.hpp"

namespace nestbox::agent {

/// How many processes the kernel has killed for want of memory since boot (/proc/vmstat). That file
/// is dear to read, so it is read only when the kernel's log has grown, which each such kill makes
/// it do.
class OomCounter {
public:
  OomCounter();
  std::uint32_t total();

private:
  bool log_has_grown();

  FileDescriptor m_log;
  FileDescriptor m_vmstat;
  std::uint32_t m_total = 0;
};

}  // namespace nestbox::agent
