#include "vmdrivers/ec2/allowance.hpp"

#include <fmt/format.h>

#include <utility>

#include "harness/base/error.hpp"

namespace nestbox::ec2 {

Allowance::Allowance(const Settings& settings)
    : m_max_machines(settings.max_machines), m_max_cores(settings.max_cores),
      m_max_memory(settings.max_memory) {}

Allowance::Share::Share(Share&& other) noexcept
    : m_allowance(std::exchange(other.m_allowance, nullptr)), m_size(other.m_size) {}

Allowance::Share::~Share() {
  if (m_allowance)
    m_allowance->give_back(m_size);
}

Allowance::Share Allowance::take(const MachineSize& size, Deadline deadline,
                                 const CancelToken& cancel) {
  while (true) {
    CancelToken freed;
    std::list<CancelSource>::iterator place;
    {
      std::lock_guard lock(m_mutex);
      if (try_take(size))
        return Share(*this, size);
      place = m_waiting.emplace(m_waiting.end());
      freed = place->token();
    }
    const Wait wait = wait_readable(freed.descriptor(), deadline, cancel);
    {
      std::lock_guard lock(m_mutex);
      m_waiting.erase(place);
    }
    cancel.throw_if_cancelled();
    if (wait == Wait::timed_out)
      throw Error(ErrorCode::timeout, "no machine of those that may be rented became free in time",
                  fmt::format("raise 'max_machines' in '{}', or run fewer tests at once",
                              settings_file().string()));
  }
}

bool Allowance::try_take(const MachineSize& size) {
  if (m_machines + 1 > m_max_machines || m_cores + size.cores > m_max_cores
      || m_memory + size.memory > m_max_memory)
    return false;
  ++m_machines;
  m_cores += size.cores;
  m_memory = m_memory + size.memory;
  return true;
}

void Allowance::give_back(const MachineSize& size) {
  std::lock_guard lock(m_mutex);
  --m_machines;
  m_cores -= size.cores;
  m_memory = {m_memory.count - size.memory.count};
  for (CancelSource& waiter : m_waiting)
    waiter.cancel();
}

}  // namespace nestbox::ec2
