#pragma once

#include <optional>
#include <utility>

#include "harness/base/units.hpp"

namespace nestbox {

/// What running tests share.
struct Resources {
  int cores = 0;
  Bytes memory;
  int machines = 0;  ///< counted only where they are bounded, too
  bool operator==(const Resources&) const = default;
};

/// Cores and memory of this host, or of a driver's machines elsewhere, lent to running tests. Used
/// by the one thread that owns the plan; outlives its leases.
class ResourcePool {
public:
  /// A part of the pool; dropping it gives it back.
  class [[nodiscard]] Lease {
  public:
    Lease(Lease&& other) noexcept
        : m_pool(std::exchange(other.m_pool, nullptr)), m_part(other.m_part) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease();

  private:
    friend class ResourcePool;
    Lease(ResourcePool& pool, Resources part) : m_pool(&pool), m_part(part) {}
    ResourcePool* m_pool;
    Resources m_part;
  };

  explicit ResourcePool(Resources total) : m_total(total) {}

  /// Whether so much is free. An idle pool has room for anything: what is larger than all of it
  /// runs alone.
  bool has_room_for(Resources wanted) const;
  std::optional<Lease> try_take(Resources wanted);

private:
  Resources m_total;
  Resources m_taken;
  int m_leases = 0;
};

/// The cores this process may use, and the memory that is free now less a tenth for everybody else.
Resources host_resources();

}  // namespace nestbox
