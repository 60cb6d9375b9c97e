#include "vmdrivers/ec2/allowance.hpp"

#include <fmt/format.h>

#include <utility>

#include "harness/base/error.hpp"

namespace nestbox::ec2 {

Allowance::Allowance(const Settings& settings)
    : m_max_machines(settings.max_machines), m_max_cores(settings.max_cores),
      m_max_memory(settings.max_memory) {}

Allowance::Share::Share(Share&& other) noexcept
    : m_allowance(std::exchange(other.m_allowance, nullptr)), m_cores(other.m_cores),
      m_memory(other.m_memory) {}

Allowance::Share::~Share() {
  if (m_allowance)
    m_allowance->give_back(m_cores, m_memory);
}

Allowance::Share Allowance::take(const InstanceType& type, Deadline deadline,
                                 const CancelToken& cancel) {
  if (type.cores > m_max_cores || type.memory > m_max_memory)
    throw Error(ErrorCode::unsupported,
                fmt::format("an instance of type '{}' is more than 'max_cores' or 'max_ram' allow",
                            type.name),
                fmt::format("raise them in '{}'", settings_file().string()));
  while (true) {
    CancelToken freed;
    std::list<CancelSource>::iterator place;
    {
      std::lock_guard lock(m_mutex);
      if (try_take(type))
        return Share(*this, type.cores, type.memory);
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

bool Allowance::try_take(const InstanceType& type) {
  if (m_machines + 1 > m_max_machines || m_cores + type.cores > m_max_cores
      || m_memory + type.memory > m_max_memory)
    return false;
  ++m_machines;
  m_cores += type.cores;
  m_memory = m_memory + type.memory;
  return true;
}

void Allowance::give_back(int cores, Bytes memory) {
  std::lock_guard lock(m_mutex);
  --m_machines;
  m_cores -= cores;
  m_memory = {m_memory.count - memory.count};
  for (CancelSource& waiter : m_waiting)
    waiter.cancel();
}

}  // namespace nestbox::ec2
