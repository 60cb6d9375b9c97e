// A frame's way through the switch.
#include <utility>

#include "harness/base/log.hpp"
#include "harness/net/switch_fabric.hpp"
#include "harness/net/switch_limits.hpp"
#include "harness/net/switch_link.hpp"

namespace nestbox {

void SwitchFabric::receive(LinkIndex link, SwitchTime now) {
  if (link >= m_links.size() || !m_links[link])
    return;
  const std::string_view bytes = m_links[link]->port.receive(m_buffer.data());
  FrameSplitter frames(bytes);
  while (const auto frame = frames.next())
    enter(*frame, link, now);
  // Before the next frames overwrite these.
  flush_all();
  if (!bytes.empty())
    finish(frames, link);
  advance(now);
}

void SwitchFabric::hold(LinkIndex link, SwitchTime now) {
  // A machine that goes on sending must not keep us here.
  constexpr std::size_t k_most = 1024 * 1024;
  Link& sender = *m_links[link];
  for (std::size_t held = 0; held < k_most;) {
    const std::string_view bytes = sender.port.receive(m_buffer.data());
    if (bytes.empty())
      return;
    held += bytes.size();
    FrameSplitter frames(bytes);
    while (const auto frame = frames.next()) {
      sender.count_in(*frame);
      Lane& lane = sender.lane(Direction::in);
      delay(*frame, link, link, Direction::in,
            lane.is_plain(now) ? Lane::unhindered(now) : lane.pass(*frame, now));
    }
    finish(frames, link);
  }
}

// What is left of received bytes once their frames are taken.
void SwitchFabric::finish(const FrameSplitter& frames, LinkIndex link) {
  Link& sender = *m_links[link];
  if (!frames.malformed())
    return sender.port.keep(frames.rest());
  ++sender.counters.malformed;
  sender.port.disconnect();
  log(LogLevel::warning, "link '" + sender.name + "' of network '" + m_name
                             + "' is cut off: its machine sent what is no Ethernet frame");
}

void SwitchFabric::enter(const FrameView& frame, LinkIndex link, SwitchTime now) {
  Link& sender = *m_links[link];
  sender.count_in(frame);
  Lane& lane = sender.lane(Direction::in);
  if (lane.is_plain(now))
    forward(frame, link, now);
  else
    delay(frame, link, link, Direction::in, lane.pass(frame, now));
}

void SwitchFabric::forward(const FrameView& frame, LinkIndex from, SwitchTime now) {
  m_stations.learn(frame.source(), from, now);
  const MacAddress destination = frame.destination();
  if (destination.is_unicast()) {
    if (const auto to = m_stations.find(destination, now)) {
      if (*to != from)
        leave(frame, from, *to, now);
      return;
    }
  }
  for (LinkIndex to = 0; to < m_links.size(); ++to)
    if (m_links[to] && to != from)
      leave(frame, from, to, now);
}

void SwitchFabric::leave(const FrameView& frame, LinkIndex from, LinkIndex to, SwitchTime now) {
  Lane& lane = m_links[to]->lane(Direction::out);
  if (!passes(from, to))
    return;
  if (lane.is_plain(now))
    m_links[to]->port.send(frame, from);
  else
    delay(frame, from, to, Direction::out, lane.pass(frame, now));
}

// Whether nothing but its impairment keeps a frame from `to`; counts it when it is lost.
bool SwitchFabric::passes(LinkIndex from, LinkIndex to) {
  Link& link = *m_links[to];
  if (link.group != m_links[from]->group) {
    ++link.counters.lost_partition;
    return false;
  }
  if (!link.port.connected())
    ++link.counters.lost_down;
  return link.port.connected();
}

void SwitchFabric::delay(const FrameView& frame, LinkIndex from, LinkIndex link,
                         Direction direction, const Lane::Passage& passage) {
  Link& way = *m_links[link];
  if (passage.lost)
    ++(way.counters.*passage.lost);
  if (passage.reordered && passage.copies > 0)
    ++way.counters.reordered;
  if (passage.copies > 1)
    ++way.counters.duplicated;
  for (int copy = 0; copy < passage.copies; ++copy) {
    const std::size_t cost = FrameBudget::cost(frame.in_stream().size());
    if (way.delayed(direction) + cost > k_most_bytes_of_lane || !m_budget.take(cost)) {
      ++way.counters.lost_queue;
      continue;
    }
    way.delayed(direction) += cost;
    m_delayed.push({passage.arrival[copy], link, direction, from, std::string(frame.in_stream())});
  }
}

void SwitchFabric::release(const DelayedFrame& frame) {
  const std::size_t cost = FrameBudget::cost(frame.in_stream.size());
  m_links[frame.link]->delayed(frame.direction) -= cost;
  m_budget.give_back(cost);
}

void SwitchFabric::advance(SwitchTime now) {
  std::deque<DelayedFrame> arrived;  // must last until they are flushed
  while (auto next = m_delayed.pop(now)) {
    const DelayedFrame& frame = arrived.emplace_back(std::move(*next));
    release(frame);
    Link& link = *m_links[frame.link];
    if (link.lane(frame.direction).impairment().down)
      ++link.counters.lost_down;
    else if (frame.direction == Direction::in)
      // As of when it was due, so that being late adds up to nothing.
      forward(FrameView(frame.in_stream), frame.from, frame.arrival);
    else if (passes(frame.from, frame.link))
      link.port.send(FrameView(frame.in_stream), frame.from);
  }
  if (!arrived.empty())
    flush_all();
}

void SwitchFabric::flush_all() {
  for (const auto& link : m_links)
    if (link)
      link->port.flush();
}

}  // namespace nestbox
