#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "harness/model/ip_address.hpp"

namespace nestbox {

/// Gives the addresses of one subnet to machines. Pure.
class AddressPool {
public:
  explicit AddressPool(const IpSubnet& subnet) : m_subnet(subnet) {}

  const IpSubnet& subnet() const noexcept { return m_subnet; }

  /// Gives this one to `machine`; why it cannot have it ("is outside of 10.90.0.0/24"), or empty.
  std::string take(const IpAddress& address, const std::string& machine);

  /// Gives the lowest that is free; nothing when all are given.
  std::optional<IpAddress> take_next(const std::string& machine);

private:
  IpSubnet m_subnet;
  std::map<IpAddress, std::string> m_taken;
  std::uint64_t m_lowest = 1;  // no lower host is free
};

/// The subnet of a network that names none: the first of 10.90.N.0/24, N beginning with `position`,
/// that overlaps with none of `taken`; nothing when all do.
std::optional<IpSubnet> choose_subnet(std::size_t position, const std::vector<IpSubnet>& taken);

}  // namespace nestbox
