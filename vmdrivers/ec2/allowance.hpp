#pragma once

#include <list>
#include <memory>
#include <mutex>

#include "harness/base/clock.hpp"
#include "harness/base/units.hpp"
#include "vmdrivers/ec2/settings.hpp"

namespace nestbox::ec2 {

/// How many machines may be rented at once, and how large together. Any thread; outlives its
/// shares.
class Allowance {
public:
  explicit Allowance(const Settings& settings);

  /// What one machine takes up; given back with the object.
  class Share {
  public:
    Share(Allowance& allowance, const MachineSize& size) : m_allowance(&allowance), m_size(size) {}
    Share(Share&& other) noexcept;
    Share& operator=(Share&&) = delete;
    ~Share();

  private:
    Allowance* m_allowance;
    MachineSize m_size;
  };

  /// Blocks until there is room. Error(timeout), Error(cancelled).
  [[nodiscard]] Share take(const MachineSize& size, Deadline deadline, const CancelToken& cancel);

private:
  bool try_take(const MachineSize& size);
  void give_back(const MachineSize& size);

  const int m_max_machines;
  const int m_max_cores;
  const Bytes m_max_memory;
  std::mutex m_mutex;
  int m_machines = 0;  ///< these, and those below: guarded by m_mutex
  int m_cores = 0;
  Bytes m_memory;
  std::list<CancelSource> m_waiting;  ///< each woken by what is given back
};

}  // namespace nestbox::ec2
