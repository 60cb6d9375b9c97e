#include "harness/model/address_pool.hpp"

#include <algorithm>

namespace nestbox {

std::string AddressPool::take(const IpAddress& address, const std::string& machine) {
  if (!m_subnet.contains(address))
    return "is outside of " + to_string(m_subnet);
  if (address == m_subnet.first())
    return "is the address of the network itself";
  if (address.version == 4 && address == m_subnet.last())
    return "is the broadcast address of " + to_string(m_subnet);
  auto [given, added] = m_taken.emplace(address, machine);
  return added ? "" : "is given to machine '" + given->second + "' already";
}

std::optional<IpAddress> AddressPool::take_next(const std::string& machine) {
  for (; m_lowest <= m_subnet.hosts(); ++m_lowest) {
    IpAddress address = m_subnet.host(m_lowest);
    if (m_taken.emplace(address, machine).second)
      return address;
  }
  return {};
}

std::optional<IpSubnet> choose_subnet(std::size_t position, const std::vector<IpSubnet>& taken) {
  IpSubnet subnet{{4, {10, 90}}, 24};
  for (std::size_t i = 0; i < 256; ++i) {
    subnet.address.bytes[2] = static_cast<std::uint8_t>(position + i);
    if (std::none_of(taken.begin(), taken.end(),
                     [&subnet](const IpSubnet& other) { return subnet.overlaps(other); }))
      return subnet;
  }
  return {};
}

}  // namespace nestbox
