#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/scope.hpp"
#include "harness/net/delay_queue.hpp"
#include "harness/net/frame_budget.hpp"
#include "harness/net/lane.hpp"
#include "harness/net/mac_table.hpp"
#include "harness/net/switch_port.hpp"
#include "harness/net/switch_state.hpp"

namespace nestbox {

/// The switch without its thread: where each frame goes, and when. One thread at a time; never
/// blocks. Time never goes back between calls.
///
/// A frame comes in along its link's `in` lane, is learnt from and looked up, and goes out along
/// the `out` lane of one link, or of each when its destination is a group or not known.
class SwitchFabric {
public:
  /// `name` is the network's; `seed` decides all that is left to chance.
  SwitchFabric(std::string name, std::uint64_t seed);
  SwitchFabric(const SwitchFabric&) = delete;
  SwitchFabric& operator=(const SwitchFabric&) = delete;
  ~SwitchFabric();

  const std::string& name() const { return m_name; }

  /// Error(not_found) when there is none.
  LinkIndex find(const std::string& link) const;
  std::map<std::string, LinkIndex> links() const;

  /// `socket` does not block. Error(usage) while the link has a machine, or is one too many.
  void plug(const std::string& link, FileDescriptor socket);
  void unplug(LinkIndex link);

  void set_impairment(LinkIndex link, const Impairment& impairment, SwitchTime now);
  const Impairment& impairment(LinkIndex link) const;
  /// Groups of links by index, each link once at most; none heals.
  void partition(const std::vector<std::vector<LinkIndex>>& groups);
  /// That of the links in none comes last; empty when healed.
  std::vector<std::vector<std::string>> groups() const;
  void set_capture(LinkIndex link, std::unique_ptr<PcapngWriter> capture);
  std::map<std::string, LinkCounters> counters() const;

  /// Takes in what the link's machine has sent, a buffer full at most, and hands it on.
  void receive(LinkIndex link, SwitchTime now);
  /// Goes on sending to a machine that takes again.
  void resume(LinkIndex link);
  /// Hands on what has arrived by `now`.
  void advance(SwitchTime now);
  std::optional<SwitchTime> next_arrival() const { return m_delayed.next_arrival(); }
  void flush_captures();

  /// -1 when the link has no machine.
  int socket(LinkIndex link) const;
  /// Frames wait until the socket can be written: then resume().
  bool is_waiting(LinkIndex link) const;
  /// Another number each time that a machine is plugged in; 0 for no link.
  std::uint64_t connection(LinkIndex link) const;
  std::size_t size() const { return m_links.size(); }  ///< one more than the largest index

  /// Holds what the machines have sent so far, then tells all.
  SwitchState state(SwitchTime now);
  /// Error(usage) unless there are no links yet.
  void restore(const SwitchState& state, SwitchTime now);

private:
  struct Link;

  Link& make_link(const std::string& name);
  void hold(LinkIndex link, SwitchTime now);
  void finish(const FrameSplitter& frames, LinkIndex link);
  void enter(const FrameView& frame, LinkIndex link, SwitchTime now);
  void forward(const FrameView& frame, LinkIndex from, SwitchTime now);
  void leave(const FrameView& frame, LinkIndex from, LinkIndex to, SwitchTime now);
  bool passes(LinkIndex from, LinkIndex to);
  void delay(const FrameView& frame, LinkIndex from, LinkIndex link, Direction direction,
             const Lane::Passage& passage);
  void release(const DelayedFrame& frame);
  void flush_all();

  std::string m_name;
  std::uint64_t m_seed;
  FrameBudget m_budget;
  std::vector<std::unique_ptr<Link>> m_links;  // null: free
  std::uint64_t m_connections = 0;
  MacTable m_stations;
  DelayQueue m_delayed;
  std::vector<char> m_buffer;
};

}  // namespace nestbox
