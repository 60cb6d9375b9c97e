#include "harness/net/switch_port.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace nestbox {

namespace {

constexpr std::size_t k_pieces_at_once = 1024;  // IOV_MAX

}  // namespace

SwitchPort::SwitchPort(LinkCounters& counters, FrameBudget& budget)
    : m_counters(counters), m_budget(budget) {}

void SwitchPort::connect(FileDescriptor socket) {
  disconnect();
  m_socket = std::move(socket);
  m_counters.connected = true;
}

void SwitchPort::disconnect() {
  m_socket.close();
  m_counters.connected = false;
  m_counters.lost_down += m_queue.size() + std::exchange(m_borrowed_frames, 0);
  m_borrowed.clear();
  m_borrowed_from.clear();
  m_is_waiting = false;
  while (!m_queue.empty())
    drop_first_queued();
  m_partial = {};
}

std::string_view SwitchPort::receive(char* buffer) {
  if (!connected())
    return {};
  std::copy(m_partial.begin(), m_partial.end(), buffer);
  const ssize_t got =
      ::recv(m_socket.get(), buffer + m_partial.size(), k_buffer_size - m_partial.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR))
    return {};
  if (got <= 0) {
    disconnect();
    return {};
  }
  const std::size_t size = m_partial.size() + static_cast<std::size_t>(got);
  m_partial.clear();
  return {buffer, size};
}

void SwitchPort::note(const FrameView& frame, Direction direction) {
  if (capture && !capture->write(frame.bytes(), direction))
    ++m_counters.uncaptured;
}

void SwitchPort::send(const FrameView& frame, LinkIndex from) {
  const std::string_view bytes = frame.in_stream();
  // Frames that are noted when they have passed are kept apart until then.
  if (!m_queue.empty() || capture)
    return enqueue(bytes, from);
  const bool adjoins =
      !m_borrowed.empty() && m_borrowed_from.back() == from
      && static_cast<char*>(m_borrowed.back().iov_base) + m_borrowed.back().iov_len == bytes.data();
  if (adjoins) {
    m_borrowed.back().iov_len += bytes.size();
  } else {
    m_borrowed.push_back({const_cast<char*>(bytes.data()), bytes.size()});
    m_borrowed_from.push_back(from);
  }
  ++m_borrowed_frames;
}

void SwitchPort::enqueue(std::string_view in_stream, LinkIndex from) {
  const std::size_t cost = FrameBudget::cost(in_stream.size());
  if (m_queued + cost > k_queue_limit || !m_budget.take(cost)) {
    ++m_counters.lost_backpressure;
    return;
  }
  m_queued += cost;
  m_queue.push_back({from, std::string(in_stream)});
}

void SwitchPort::flush() {
  if (m_is_waiting)
    return;
  if (!m_queue.empty())
    flush_queue();
  if (!m_borrowed.empty())
    flush_borrowed();
}

void SwitchPort::resume() {
  m_is_waiting = false;
  flush();
}

void SwitchPort::remove_queued(const std::function<bool(LinkIndex from)>& condition,
                               std::uint64_t LinkCounters::*lost) {
  std::deque<QueuedFrame> left;
  for (std::size_t i = 0; i < m_queue.size(); ++i) {
    const bool begun = i == 0 && m_written_of_first > 0;
    if (begun || !condition(m_queue[i].from)) {
      left.push_back(std::move(m_queue[i]));
      continue;
    }
    const std::size_t cost = FrameBudget::cost(m_queue[i].in_stream.size());
    m_queued -= cost;
    m_budget.give_back(cost);
    ++(m_counters.*lost);
  }
  m_queue = std::move(left);
}

void SwitchPort::flush_queue() {
  constexpr std::size_t k_frames_at_once = 64;
  while (!m_queue.empty()) {
    std::array<iovec, k_frames_at_once> pieces;
    std::size_t count = 0;
    std::size_t wanted = 0;
    for (QueuedFrame& frame : m_queue) {
      if (count == pieces.size())
        break;
      const std::size_t begin = count == 0 ? m_written_of_first : 0;
      pieces[count++] = {frame.in_stream.data() + begin, frame.in_stream.size() - begin};
      wanted += frame.in_stream.size() - begin;
    }
    const std::size_t written = write(pieces.data(), count);
    if (!connected())
      return;
    m_written_of_first += written;
    while (!m_queue.empty() && m_written_of_first >= m_queue.front().in_stream.size()) {
      const std::string& first = m_queue.front().in_stream;
      const std::size_t rest = m_written_of_first - first.size();
      sent(1, first.size());
      note(FrameView(first), Direction::out);
      drop_first_queued();
      m_written_of_first = rest;
    }
    m_is_waiting = written < wanted;
    if (m_is_waiting)
      return;
  }
}

void SwitchPort::flush_borrowed() {
  std::size_t total = 0;
  std::size_t written = 0;
  for (std::size_t begin = 0; begin < m_borrowed.size() && written == total;
       begin += k_pieces_at_once) {
    const std::size_t count = std::min(k_pieces_at_once, m_borrowed.size() - begin);
    for (std::size_t i = begin; i < begin + count; ++i)
      total += m_borrowed[i].iov_len;
    written += write(&m_borrowed[begin], count);
    if (!connected())
      return;
  }
  m_is_waiting = written < total;
  if (!m_is_waiting)
    sent(m_borrowed_frames, written);
  for (std::size_t i = 0; m_is_waiting && i < m_borrowed.size(); ++i)
    written = keep_unsent({static_cast<const char*>(m_borrowed[i].iov_base), m_borrowed[i].iov_len},
                          m_borrowed_from[i], written);
  m_borrowed.clear();
  m_borrowed_from.clear();
  m_borrowed_frames = 0;
}

std::size_t SwitchPort::keep_unsent(std::string_view frames, LinkIndex from, std::size_t written) {
  FrameSplitter splitter(frames);
  while (const auto frame = splitter.next()) {
    const std::string_view bytes = frame->in_stream();
    if (written >= bytes.size()) {
      sent(1, bytes.size());
      written -= bytes.size();
      continue;
    }
    if (written > 0) {
      // The machine has the beginning, and must get the rest whatever else waits.
      m_budget.take_anyway(FrameBudget::cost(bytes.size()));
      m_queued += FrameBudget::cost(bytes.size());
      m_queue.push_back({from, std::string(bytes)});
      m_written_of_first = std::exchange(written, 0);
      continue;
    }
    enqueue(bytes, from);
  }
  return written;
}

std::size_t SwitchPort::write(iovec* pieces, std::size_t count) {
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = count;
  ssize_t written = 0;
  do
    written = ::sendmsg(m_socket.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (written < 0 && errno == EINTR);
  if (written >= 0)
    return static_cast<std::size_t>(written);
  if (errno != EAGAIN && errno != ENOBUFS)
    disconnect();
  return 0;
}

void SwitchPort::sent(std::size_t frames, std::size_t bytes_in_stream) {
  m_counters.frames_out += frames;
  m_counters.bytes_out += bytes_in_stream - frames * k_frame_prefix;
}

void SwitchPort::drop_first_queued() {
  const std::size_t cost = FrameBudget::cost(m_queue.front().in_stream.size());
  m_queued -= cost;
  m_budget.give_back(cost);
  m_queue.pop_front();
  m_written_of_first = 0;
}

}  // namespace nestbox
