#include "harness/net/lane.hpp"

#include <algorithm>

namespace nestbox {

namespace {

// What may wait in front of a link that is slow.
constexpr double k_rate_queue = 256 * 1024;

SwitchTime sending_time(std::size_t bytes, std::uint64_t rate) {
  constexpr std::uint64_t k_bits_in_nanoseconds = 8'000'000'000;
  return SwitchTime(static_cast<std::int64_t>(bytes * k_bits_in_nanoseconds / rate));
}

}  // namespace

SwitchTime Lane::set_impairment(const Impairment& impairment, SwitchTime now) {
  if (impairment.rate != m_impairment.rate)
    m_free = now;
  m_impairment = impairment;
  m_is_sound = impairment == Impairment{};
  const SwitchTime latest = std::max(now, m_free) + impairment.latency + impairment.jitter;
  m_last_arrival = std::min(m_last_arrival, latest);
  return latest;
}

Lane::Passage Lane::pass(const FrameView& frame, SwitchTime now) {
  Passage passage;
  const Impairment& wrong = m_impairment;
  if (wrong.down) {
    passage.lost = &LinkCounters::lost_down;
    return passage;
  }
  if (wrong.mtu != 0 && frame.packet_size() > wrong.mtu) {
    passage.lost = &LinkCounters::lost_mtu;
    return passage;
  }
  // Each frame draws the same numbers whatever is wrong, so that the fate of the tenth does not
  // depend on what else was asked for.
  const bool lost = chance() < wrong.loss;
  const int copies = chance() < wrong.duplication ? 2 : 1;
  passage.reordered = chance() < wrong.reordering;
  const std::array<double, 2> deviation = {2 * chance() - 1, 2 * chance() - 1};
  if (lost) {
    passage.lost = &LinkCounters::lost_loss;
    return passage;
  }
  for (int copy = 0; copy < copies; ++copy) {
    SwitchTime sent = now;
    if (wrong.rate != 0) {
      const SwitchTime begins = std::max(now, m_free);
      const double waiting =
          static_cast<double>((begins - now).count()) * 1e-9 * static_cast<double>(wrong.rate) / 8;
      if (waiting > k_rate_queue) {
        passage.lost = &LinkCounters::lost_queue;
        break;
      }
      m_free = sent = begins + sending_time(frame.size(), wrong.rate);
    }
    SwitchTime arrival = sent;
    if (!passage.reordered) {
      const SwitchTime jitter(
          static_cast<std::int64_t>(static_cast<double>(wrong.jitter.count()) * deviation[copy]));
      arrival = std::max({sent, sent + wrong.latency + jitter, m_last_arrival});
      m_last_arrival = arrival;
    }
    passage.arrival[passage.copies++] = arrival;
  }
  return passage;
}

// SplitMix64 (Steele, Lea, Flood 2014), for it is the same everywhere and eight bytes of state.
double Lane::chance() {
  m_random += 0x9e3779b97f4a7c15;
  std::uint64_t z = m_random;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  z ^= z >> 31;
  return static_cast<double>(z >> 11) * 0x1p-53;
}

}  // namespace nestbox
