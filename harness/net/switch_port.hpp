#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/scope.hpp"
#include "harness/net/frame.hpp"
#include "harness/net/frame_budget.hpp"
#include "harness/net/link_counters.hpp"
#include "harness/net/pcapng_writer.hpp"
#include "harness/net/switch_time.hpp"

namespace nestbox {

/// The switch's end of a link: its machine's stream of frames, both ways. Never blocks. Frames that
/// the machine does not take at once wait in a bounded queue; what has no room there is lost and
/// counted.
class SwitchPort {
public:
  static constexpr std::size_t k_queue_limit = 1024 * 1024;
  /// Where frames are received: a piece of a frame that came before, and what comes now.
  static constexpr std::size_t k_buffer_size = k_frame_prefix + k_largest_frame + 256 * 1024;

  struct QueuedFrame {
    LinkIndex from;
    std::string in_stream;
  };

  SwitchPort(LinkCounters& counters, FrameBudget& budget);
  SwitchPort(const SwitchPort&) = delete;
  SwitchPort& operator=(const SwitchPort&) = delete;
  ~SwitchPort() { disconnect(); }

  /// `socket` does not block.
  void connect(FileDescriptor socket);
  /// Frames that wait for the machine are lost.
  void disconnect();
  int socket() const { return m_socket.get(); }
  bool connected() const { return static_cast<bool>(m_socket); }

  /// What the machine has sent, in `buffer` (of k_buffer_size), beginning with a frame; empty when
  /// there is nothing yet, or the machine has gone and the port is disconnected.
  std::string_view receive(char* buffer);
  /// The beginning of a frame that is to come first in the next receive().
  void keep(std::string_view rest) { m_partial = rest; }

  /// Sends with the next flush(), until which the frame's bytes must last.
  void send(const FrameView& frame, LinkIndex from);
  void flush();
  /// Frames wait until the socket can be written: then resume().
  bool is_waiting() const { return m_is_waiting; }
  void resume();

  /// Frames that wait and are not partly with the machine yet.
  void remove_queued(const std::function<bool(LinkIndex from)>& condition,
                     std::uint64_t LinkCounters::*lost);
  const std::deque<QueuedFrame>& queued() const { return m_queue; }

  std::unique_ptr<PcapngWriter> capture;

  /// Notes a frame where there is a capture.
  void note(const FrameView& frame, Direction direction);

private:
  void enqueue(std::string_view in_stream, LinkIndex from);
  void flush_queue();
  void flush_borrowed();
  // Of these frames `written` bytes are sent; returns how many are left over for what follows.
  std::size_t keep_unsent(std::string_view frames, LinkIndex from, std::size_t written);
  std::size_t write(iovec* pieces, std::size_t count);
  void sent(std::size_t frames, std::size_t bytes_in_stream);
  void drop_first_queued();

  LinkCounters& m_counters;
  FrameBudget& m_budget;
  FileDescriptor m_socket;
  std::string m_partial;

  std::deque<QueuedFrame> m_queue;
  std::size_t m_queued = 0;  // bytes, as the budget counts
  std::size_t m_written_of_first = 0;
  bool m_is_waiting = false;

  std::vector<iovec> m_borrowed;           // whole frames; adjacent ones are joined
  std::vector<LinkIndex> m_borrowed_from;  // of each piece
  std::size_t m_borrowed_frames = 0;
};

}  // namespace nestbox
