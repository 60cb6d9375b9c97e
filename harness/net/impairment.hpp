#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace nestbox {

/// What is wrong with a link. It holds for each frame once in each direction, as if both ends of
/// the cable had it: a frame from a to b suffers the impairment of a's link and then that of b's,
/// so latencies add up, and so do rates of loss. 20 ms on a's link alone therefore show as 20 ms
/// one way, and as 40 ms in a ping from or to a. docs/explanation/networks.md defines each exactly.
struct Impairment {
  bool down = false;                   ///< nothing passes
  std::chrono::nanoseconds latency{};  ///< at most an hour
  std::chrono::nanoseconds jitter{};   ///< latency ± this, evenly; never less than none, in order
  double loss = 0;                     ///< probabilities are 0 to 1
  double duplication = 0;              ///< of arriving twice
  double reordering = 0;               ///< of skipping latency and jitter, which there must be
  std::uint64_t rate = 0;              ///< bits a second; 0: as fast as it goes
  std::size_t mtu = 0;                 ///< bytes of the largest packet behind Ethernet; 0: any

  bool operator==(const Impairment&) const = default;
};

/// Throws Error(usage) for values outside of their bounds, and for reordering without a latency.
void validate(const Impairment& impairment);

/// "latency=20ms jitter=2ms loss=10% duplicate=1% reorder=5% rate=10mbit mtu=1400", any of them in
/// any order; "down", alone or with others; "none". Units: ns us ms s, %, bit kbit mbit gbit
/// (powers of 1000). Throws Error(usage).
Impairment parse_impairment(std::string_view text);

/// The form that parse_impairment reads back.
std::string to_string(const Impairment& impairment);

}  // namespace nestbox
