#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "harness/net/frame.hpp"
#include "harness/net/impairment.hpp"
#include "harness/net/link_counters.hpp"
#include "harness/net/switch_time.hpp"

namespace nestbox {

/// One direction of a link: decides what becomes of each frame that sets out on it. No input or
/// output: the same seed, impairment, frames and times make the same decisions, with any compiler.
class Lane {
public:
  /// What a frame comes to: so many copies, and when each arrives; none, and what for.
  struct Passage {
    int copies = 0;
    std::array<SwitchTime, 2> arrival{};
    bool reordered = false;
    std::uint64_t LinkCounters::*lost = nullptr;
  };

  static Passage unhindered(SwitchTime now) { return {1, {now, now}, false, nullptr}; }

  explicit Lane(std::uint64_t seed) : m_random(seed) {}

  const Impairment& impairment() const { return m_impairment; }

  /// Returns when, at the latest, whatever is on its way arrives from now on.
  SwitchTime set_impairment(const Impairment& impairment, SwitchTime now);

  /// Nothing is wrong with it, and all that set out has arrived: frames pass it unseen.
  bool is_plain(SwitchTime now) const { return m_is_sound && m_last_arrival <= now; }
  Passage pass(const FrameView& frame, SwitchTime now);

  /// Something that arrives then is on its way already.
  void stay_behind(SwitchTime arrival) { m_last_arrival = std::max(m_last_arrival, arrival); }

private:
  double chance();

  Impairment m_impairment;
  bool m_is_sound = true;
  std::uint64_t m_random;
  SwitchTime m_free{};          // when the last frame is wholly sent, at the link's rate
  SwitchTime m_last_arrival{};  // of those that keep their order
};

}  // namespace nestbox
