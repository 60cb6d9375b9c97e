#include "harness/net/mac_table.hpp"

#include <algorithm>
#include <cstring>

namespace nestbox {

namespace {

// A full table is looked through for aged stations this often at most.
constexpr SwitchTime k_sweep_pause = std::chrono::seconds(1);

std::uint64_t key_of(const MacAddress& address) {
  std::uint64_t key = 0;
  std::memcpy(&key, address.bytes.data(), address.bytes.size());
  return key;
}

MacAddress address_of(std::uint64_t key) {
  MacAddress address;
  std::memcpy(address.bytes.data(), &key, address.bytes.size());
  return address;
}

}  // namespace

void MacTable::learn(const MacAddress& address, LinkIndex link, SwitchTime now) {
  if (!address.is_unicast())
    return;
  const std::uint64_t key = key_of(address);
  if (const auto known = m_entries.find(key);
      known != m_entries.end() && known->second.link == link) {
    known->second.seen = now;
    return;
  }
  if (m_stations[link] >= k_most_stations)
    sweep(now);
  if (m_stations[link] >= k_most_stations)
    return;
  const auto [place, is_new] = m_entries.try_emplace(key);
  if (!is_new)
    --m_stations[place->second.link];
  place->second = {link, now};
  ++m_stations[link];
}

std::optional<LinkIndex> MacTable::find(const MacAddress& address, SwitchTime now) const {
  const auto known = m_entries.find(key_of(address));
  if (known == m_entries.end() || now - known->second.seen > k_age)
    return std::nullopt;
  return known->second.link;
}

void MacTable::forget(LinkIndex link) {
  std::erase_if(m_entries, [&](const auto& entry) { return entry.second.link == link; });
  m_stations.erase(link);
}

std::vector<MacTable::Station> MacTable::stations(SwitchTime now) const {
  std::vector<Station> stations;
  for (const auto& [key, entry] : m_entries)
    if (now - entry.seen <= k_age)
      stations.push_back({address_of(key), entry.link});
  std::sort(stations.begin(), stations.end(),
            [](const Station& a, const Station& b) { return a.address < b.address; });
  return stations;
}

void MacTable::sweep(SwitchTime now) {
  if (now < m_next_sweep)
    return;
  m_next_sweep = now + k_sweep_pause;
  std::erase_if(m_entries, [&](const auto& entry) {
    const bool aged = now - entry.second.seen > k_age;
    if (aged)
      --m_stations[entry.second.link];
    return aged;
  });
}

}  // namespace nestbox
