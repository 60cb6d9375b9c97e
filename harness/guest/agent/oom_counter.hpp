#pragma once

#include <cstdint>

#include "harness/base/scope.hpp"

namespace nestbox::agent {

/// Whose processes are counted.
enum class OomScope {
  machine,    ///< all
  container,  ///< those of the cgroup that this container has been given
};

/// How many processes the kernel has killed for want of memory (/proc/vmstat since boot, or the
/// container's cgroup). That file is dear to read, so it is read only when the kernel's log has
/// grown, which each such kill makes it do.
class OomCounter {
public:
  explicit OomCounter(OomScope scope);
  std::uint32_t total();

private:
  bool log_has_grown();

  FileDescriptor m_log;
  FileDescriptor m_counts;  ///< lines of a name and a number, "oom_kill" one of them
  std::uint32_t m_total = 0;
};

}  // namespace nestbox::agent
