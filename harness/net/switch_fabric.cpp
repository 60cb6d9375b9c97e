#include "harness/net/switch_fabric.hpp"

#include <algorithm>
#include <utility>

#include "harness/base/error.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"
#include "harness/net/switch_limits.hpp"
#include "harness/net/switch_link.hpp"

namespace nestbox {

namespace {

std::uint64_t lane_seed(const std::string& network, const std::string& link, Direction direction,
                        std::uint64_t seed) {
  Sha256 hash;
  hash.field("network", network).field("link", link);
  hash.field("direction", direction == Direction::in ? "in" : "out");
  hash.field("seed", std::to_string(seed));
  return std::stoull(hash.hex().substr(0, 16), nullptr, 16);
}

}  // namespace

SwitchFabric::SwitchFabric(std::string name, std::uint64_t seed)
    : m_name(std::move(name)), m_seed(seed), m_budget(k_most_bytes_of_frames),
      m_buffer(SwitchPort::k_buffer_size) {}

SwitchFabric::~SwitchFabric() = default;

LinkIndex SwitchFabric::find(const std::string& link) const {
  std::vector<std::string> names;
  for (LinkIndex i = 0; i < m_links.size(); ++i) {
    if (m_links[i] && m_links[i]->name == link)
      return i;
    if (m_links[i])
      names.push_back(m_links[i]->name);
  }
  throw Error(ErrorCode::not_found, "there is no link '" + link + "' on network '" + m_name + "'",
              did_you_mean(link, names));
}

std::map<std::string, LinkIndex> SwitchFabric::links() const {
  std::map<std::string, LinkIndex> links;
  for (LinkIndex i = 0; i < m_links.size(); ++i)
    if (m_links[i])
      links.emplace(m_links[i]->name, i);
  return links;
}

SwitchFabric::Link& SwitchFabric::make_link(const std::string& name) {
  if (name.empty() || name.size() > k_longest_link_name)
    throw Error(ErrorCode::usage,
                "'" + name + "' is no name for a link of network '" + m_name + "'",
                "it may have 1 to 255 bytes");
  auto place = std::find(m_links.begin(), m_links.end(), nullptr);
  if (place == m_links.end() && m_links.size() == k_most_links)
    throw Error(ErrorCode::usage, "network '" + m_name + "' has no room for link '" + name + "'",
                "a switch has 128 links at most");
  if (place == m_links.end())
    place = m_links.emplace(place);
  *place = std::make_unique<Link>(name, lane_seed(m_name, name, Direction::in, m_seed),
                                  lane_seed(m_name, name, Direction::out, m_seed), m_budget);
  return **place;
}

void SwitchFabric::plug(const std::string& link, FileDescriptor socket) {
  const auto known = std::find_if(m_links.begin(), m_links.end(),
                                  [&](const auto& each) { return each && each->name == link; });
  Link& made = known == m_links.end() ? make_link(link) : **known;
  if (made.port.connected())
    throw Error(ErrorCode::usage,
                "link '" + link + "' of network '" + m_name + "' has a machine already");
  made.port.connect(std::move(socket));
  made.connection = ++m_connections;
}

void SwitchFabric::unplug(LinkIndex link) {
  m_delayed.remove_if([&](const DelayedFrame& frame) {
    const bool gone = frame.link == link || frame.from == link;
    if (gone)
      release(frame);
    return gone;
  });
  for (const auto& other : m_links)
    if (other)
      other->port.remove_queued([&](LinkIndex from) { return from == link; },
                                &LinkCounters::lost_down);
  m_stations.forget(link);
  m_links[link].reset();
}

void SwitchFabric::set_impairment(LinkIndex link, const Impairment& impairment, SwitchTime now) {
  Link& changed = *m_links[link];
  for (const Direction direction : {Direction::in, Direction::out})
    m_delayed.hasten(link, direction, changed.lane(direction).set_impairment(impairment, now));
  if (impairment.down)
    changed.port.remove_queued([](LinkIndex) { return true; }, &LinkCounters::lost_down);
}

const Impairment& SwitchFabric::impairment(LinkIndex link) const {
  return m_links[link]->lanes[0].impairment();
}

void SwitchFabric::partition(const std::vector<std::vector<LinkIndex>>& groups) {
  for (const auto& link : m_links)
    if (link)
      link->group = 0;
  for (std::uint32_t group = 0; group < groups.size(); ++group)
    for (const LinkIndex link : groups[group])
      m_links[link]->group = group + 1;
  for (const auto& link : m_links) {
    if (link)
      link->port.remove_queued([&](LinkIndex from) { return m_links[from]->group != link->group; },
                               &LinkCounters::lost_partition);
  }
}

std::vector<std::vector<std::string>> SwitchFabric::groups() const {
  std::map<std::uint32_t, std::vector<std::string>> by_number;
  for (const auto& [name, index] : links())
    by_number[m_links[index]->group].push_back(name);
  std::vector<std::vector<std::string>> groups;
  for (auto& [number, names] : by_number)
    if (number != 0)
      groups.push_back(std::move(names));
  if (const auto rest = by_number.find(0); rest != by_number.end() && !groups.empty())
    groups.push_back(std::move(rest->second));
  return groups;
}

void SwitchFabric::set_capture(LinkIndex link, std::unique_ptr<PcapngWriter> capture) {
  m_links[link]->port.capture = std::move(capture);
}

std::map<std::string, LinkCounters> SwitchFabric::counters() const {
  std::map<std::string, LinkCounters> counters;
  for (const auto& link : m_links)
    if (link)
      counters.emplace(link->name, link->counters);
  return counters;
}

void SwitchFabric::resume(LinkIndex link) {
  if (link < m_links.size() && m_links[link])
    m_links[link]->port.resume();
}

void SwitchFabric::flush_captures() {
  for (const auto& link : m_links)
    if (link && link->port.capture)
      link->port.capture->flush();
}

int SwitchFabric::socket(LinkIndex link) const {
  return m_links[link] ? m_links[link]->port.socket() : -1;
}

bool SwitchFabric::is_waiting(LinkIndex link) const {
  return m_links[link] && m_links[link]->port.is_waiting();
}

std::uint64_t SwitchFabric::connection(LinkIndex link) const {
  return m_links[link] ? m_links[link]->connection : 0;
}

SwitchState SwitchFabric::state(SwitchTime now) {
  SwitchState state;
  std::map<LinkIndex, LinkIndex> places;
  for (LinkIndex i = 0; i < m_links.size(); ++i) {
    if (!m_links[i])
      continue;
    hold(i, now);
    places.emplace(i, state.links.size());
    state.links.push_back({m_links[i]->name, impairment(i), m_links[i]->group});
  }
  for (const MacTable::Station& station : m_stations.stations(now))
    state.stations.push_back({station.address, places.at(station.link)});
  for (const auto& [link, place] : places)
    for (const SwitchPort::QueuedFrame& frame : m_links[link]->port.queued())
      state.frames.push_back({SwitchTime::zero(), place, Direction::out,
                              places.contains(frame.from) ? places.at(frame.from) : place,
                              frame.in_stream});
  for (const DelayedFrame* frame : m_delayed.frames())
    state.frames.push_back({std::max(frame->arrival - now, SwitchTime::zero()),
                            places.at(frame->link), frame->direction, places.at(frame->from),
                            frame->in_stream});
  return state;
}

void SwitchFabric::restore(const SwitchState& state, SwitchTime now) {
  if (!m_links.empty())
    throw Error(ErrorCode::usage, "network '" + m_name + "' has links already");
  for (const SwitchState::Link& link : state.links) {
    Link& made = make_link(link.name);
    made.group = link.group;
    for (Lane& lane : made.lanes)
      lane.set_impairment(link.impairment, now);
  }
  for (const MacTable::Station& station : state.stations)
    m_stations.learn(station.address, station.link, now);
  for (DelayedFrame frame : state.frames) {
    const std::size_t cost = FrameBudget::cost(frame.in_stream.size());
    Link& link = *m_links[frame.link];
    link.delayed(frame.direction) += cost;
    m_budget.take_anyway(cost);
    frame.arrival += now;
    link.lane(frame.direction).stay_behind(frame.arrival);
    m_delayed.push(std::move(frame));
  }
}

}  // namespace nestbox
