#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "harness/net/mac_address.hpp"
#include "harness/net/switch_time.hpp"

namespace nestbox {

/// Which station is behind which link, as their frames told. Forgets a station after 300 s of
/// silence, and takes at most 512 for a link, so that one machine that makes addresses up cannot
/// crowd out the others.
class MacTable {
public:
  static constexpr SwitchTime k_age = std::chrono::seconds(300);
  static constexpr std::size_t k_most_stations = 512;

  struct Station {
    MacAddress address;
    LinkIndex link;

    bool operator==(const Station&) const = default;
  };

  /// A group address, or one too many, is not learnt.
  void learn(const MacAddress& address, LinkIndex link, SwitchTime now);
  std::optional<LinkIndex> find(const MacAddress& address, SwitchTime now) const;
  void forget(LinkIndex link);

  /// Those that are not forgotten yet, in order of address.
  std::vector<Station> stations(SwitchTime now) const;

private:
  struct Entry {
    LinkIndex link;
    SwitchTime seen;
  };

  void sweep(SwitchTime now);

  std::unordered_map<std::uint64_t, Entry> m_entries;
  std::unordered_map<LinkIndex, std::size_t> m_stations;
  SwitchTime m_next_sweep{};
};

}  // namespace nestbox
