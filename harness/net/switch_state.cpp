#include "harness/net/switch_state.hpp"

#include <bit>
#include <set>

#include "harness/base/error.hpp"
#include "harness/net/frame_budget.hpp"
#include "harness/net/switch_limits.hpp"

namespace nestbox {

namespace {

constexpr std::string_view k_magic = "nestbox switch 1\n";
// More than any latency, jitter and queue of a slow link can add up to.
constexpr SwitchTime k_longest_delay = std::chrono::hours(24);

// A frame that a machine has in part is held beyond the limit.
constexpr std::size_t k_most_bytes_of_state =
    k_most_bytes_of_frames + k_most_links * FrameBudget::cost(k_largest_frame);

template <class Integer>
void put(std::string& text, Integer value) {
  for (std::size_t shift = 8 * sizeof value; shift > 0; shift -= 8)
    text += static_cast<char>(static_cast<std::uint64_t>(value) >> (shift - 8));
}

void put_count(std::string& text, std::size_t count) {
  put(text, static_cast<std::uint32_t>(count));
}

void put_text(std::string& text, std::string_view value) {
  put_count(text, value.size());
  text += value;
}

void put_impairment(std::string& text, const Impairment& impairment) {
  put(text, std::uint8_t{impairment.down});
  put(text, impairment.latency.count());
  put(text, impairment.jitter.count());
  put(text, std::bit_cast<std::uint64_t>(impairment.loss));
  put(text, std::bit_cast<std::uint64_t>(impairment.duplication));
  put(text, std::bit_cast<std::uint64_t>(impairment.reordering));
  put(text, impairment.rate);
  put(text, std::uint64_t{impairment.mtu});
}

class Reader {
public:
  explicit Reader(std::string_view bytes) : m_rest(bytes) {}

  [[noreturn]] static void refuse(const char* what) {
    throw Error(ErrorCode::corrupt, std::string("a switch's state ") + what);
  }

  std::string_view take(std::size_t size) {
    if (size > m_rest.size())
      refuse("ends too early");
    const std::string_view taken = m_rest.substr(0, size);
    m_rest.remove_prefix(size);
    return taken;
  }

  template <class Integer>
  Integer number() {
    std::uint64_t value = 0;
    for (const char byte : take(sizeof(Integer)))
      value = value << 8 | static_cast<unsigned char>(byte);
    return static_cast<Integer>(value);
  }

  std::size_t at_most(std::size_t limit) {
    const auto value = number<std::uint32_t>();
    if (value > limit)
      refuse("has a number that is too large");
    return value;
  }

  // A link of `count`.
  LinkIndex link(std::size_t count) {
    if (count == 0)
      refuse("names a link that it does not have");
    return at_most(count - 1);
  }

  bool flag() {
    const auto value = number<std::uint8_t>();
    if (value > 1)
      refuse("has a flag that is neither 0 nor 1");
    return value == 1;
  }

  bool at_end() const { return m_rest.empty(); }

private:
  std::string_view m_rest;
};

Impairment read_impairment(Reader& reader) {
  Impairment impairment;
  impairment.down = reader.flag();
  impairment.latency = std::chrono::nanoseconds(reader.number<std::int64_t>());
  impairment.jitter = std::chrono::nanoseconds(reader.number<std::int64_t>());
  impairment.loss = std::bit_cast<double>(reader.number<std::uint64_t>());
  impairment.duplication = std::bit_cast<double>(reader.number<std::uint64_t>());
  impairment.reordering = std::bit_cast<double>(reader.number<std::uint64_t>());
  impairment.rate = reader.number<std::uint64_t>();
  impairment.mtu = reader.number<std::uint64_t>();
  try {
    validate(impairment);
  } catch (const Error& error) {
    throw Error(ErrorCode::corrupt, error.message).during("reading a switch's state");
  }
  return impairment;
}

DelayedFrame read_frame(Reader& reader, std::size_t links) {
  DelayedFrame frame;
  frame.arrival = SwitchTime(reader.number<std::int64_t>());
  if (frame.arrival < SwitchTime::zero() || frame.arrival > k_longest_delay)
    Reader::refuse("has a frame that is delayed too long");
  frame.link = reader.link(links);
  frame.direction = reader.flag() ? Direction::out : Direction::in;
  frame.from = reader.link(links);
  const std::size_t size = reader.at_most(k_largest_frame);
  if (size < k_smallest_frame)
    Reader::refuse("has a frame that is none");
  frame.in_stream = frame_in_stream(reader.take(size));
  return frame;
}

}  // namespace

std::string encode(const SwitchState& state) {
  std::string text(k_magic);
  put_count(text, state.links.size());
  for (const SwitchState::Link& link : state.links) {
    put_text(text, link.name);
    put_impairment(text, link.impairment);
    put(text, link.group);
  }
  put_count(text, state.stations.size());
  for (const MacTable::Station& station : state.stations) {
    for (const std::uint8_t byte : station.address.bytes)
      put(text, byte);
    put_count(text, station.link);
  }
  put_count(text, state.frames.size());
  for (const DelayedFrame& frame : state.frames) {
    put(text, frame.arrival.count());
    put_count(text, frame.link);
    put(text, std::uint8_t{frame.direction == Direction::out});
    put_count(text, frame.from);
    put_text(text, FrameView(frame.in_stream).bytes());
  }
  return text;
}

SwitchState decode_switch_state(std::string_view bytes) {
  Reader reader(bytes);
  if (!bytes.starts_with(k_magic))
    Reader::refuse("is of another version, or none at all");
  reader.take(k_magic.size());
  SwitchState state;
  std::set<std::string_view> names;
  for (std::size_t left = reader.at_most(k_most_links); left > 0; --left) {
    const std::string_view name = reader.take(reader.at_most(k_longest_link_name));
    if (name.empty() || !names.insert(name).second)
      Reader::refuse("names a link twice, or not at all");
    const Impairment impairment = read_impairment(reader);
    const auto group = static_cast<std::uint32_t>(reader.at_most(k_most_links));
    state.links.push_back({std::string(name), impairment, group});
  }
  for (std::size_t left = reader.at_most(k_most_stations); left > 0; --left) {
    MacTable::Station station{};
    for (std::uint8_t& byte : station.address.bytes)
      byte = reader.number<std::uint8_t>();
    station.link = reader.link(state.links.size());
    if (!station.address.is_unicast()
        || (!state.stations.empty() && station.address <= state.stations.back().address))
      Reader::refuse("has its stations out of order");
    state.stations.push_back(station);
  }
  std::size_t cost = 0;
  for (std::size_t left = reader.at_most(k_most_bytes_of_frames); left > 0; --left) {
    DelayedFrame frame = read_frame(reader, state.links.size());
    cost += FrameBudget::cost(frame.in_stream.size());
    if (cost > k_most_bytes_of_state)
      Reader::refuse("has more frames than a switch can hold");
    if (!state.frames.empty() && frame.arrival < state.frames.back().arrival)
      Reader::refuse("has its frames out of order");
    state.frames.push_back(std::move(frame));
  }
  if (!reader.at_end())
    Reader::refuse("goes on behind its end");
  return state;
}

}  // namespace nestbox
