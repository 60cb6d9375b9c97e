#include "runner/resource_pool.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

namespace nestbox {
namespace {

Bytes available_memory() {
  std::ifstream meminfo("/proc/meminfo");
  std::string name;
  std::uint64_t kilobytes = 0;
  while (meminfo >> name >> kilobytes) {
    if (name == "MemAvailable:")
      return kibibytes(kilobytes);
    meminfo.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  auto pages = static_cast<std::uint64_t>(std::max(0L, ::sysconf(_SC_PHYS_PAGES)));
  return Bytes{pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))};
}

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int count = ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  return std::max(1, count);
}

}  // namespace

ResourcePool::Lease::~Lease() {
  if (!m_pool)
    return;
  m_pool->m_taken.cores -= m_part.cores;
  m_pool->m_taken.memory.count -= m_part.memory.count;
  m_pool->m_taken.machines -= m_part.machines;
  --m_pool->m_leases;
}

bool ResourcePool::has_room_for(Resources wanted) const {
  return m_leases == 0
         || (m_taken.cores + wanted.cores <= m_total.cores
             && m_taken.memory + wanted.memory <= m_total.memory
             && m_taken.machines + wanted.machines <= m_total.machines);
}

std::optional<ResourcePool::Lease> ResourcePool::try_take(Resources wanted) {
  if (!has_room_for(wanted))
    return std::nullopt;
  m_taken.cores += wanted.cores;
  m_taken.memory = m_taken.memory + wanted.memory;
  m_taken.machines += wanted.machines;
  ++m_leases;
  return Lease(*this, wanted);
}

Resources host_resources() {
  std::uint64_t memory = available_memory().count;
  return {usable_cores(), Bytes{memory - memory / 10}};
}

}  // namespace nestbox
