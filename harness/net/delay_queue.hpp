#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "harness/net/frame.hpp"
#include "harness/net/switch_time.hpp"

namespace nestbox {

/// Which way a frame goes on a link.
enum class Direction : std::uint8_t {
  in,   ///< from the machine to the switch
  out,  ///< from the switch to the machine
};

/// A frame on its way along `link`, that came in by `from`.
struct DelayedFrame {
  SwitchTime arrival{};
  LinkIndex link = 0;
  Direction direction = Direction::in;
  LinkIndex from = 0;
  std::string in_stream;  ///< with its length

  bool operator==(const DelayedFrame&) const = default;
};

/// Frames in order of arrival; those that arrive together, in the order in which they came.
class DelayQueue {
public:
  void push(DelayedFrame frame);
  std::optional<SwitchTime> next_arrival() const;
  /// The next that has arrived by `now`.
  std::optional<DelayedFrame> pop(SwitchTime now);

  /// Lets what is on its way along `link` arrive by `latest`.
  void hasten(LinkIndex link, Direction direction, SwitchTime latest);
  void remove_if(const std::function<bool(const DelayedFrame&)>& condition);

  /// All, in order.
  std::vector<const DelayedFrame*> frames() const;

private:
  struct Entry {
    DelayedFrame frame;
    std::uint64_t sequence;
  };
  static bool later(const Entry& a, const Entry& b);

  std::vector<Entry> m_heap;
  std::uint64_t m_next_sequence = 0;
};

}  // namespace nestbox
