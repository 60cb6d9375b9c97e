#include "harness/guest/agent_calls.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "harness/base/error.hpp"
#include "harness/base/socket_pair.hpp"

namespace nestbox {

bool AgentCalls::receive(const Frame& frame) {
  if (frame.type == FrameType::call)
    return open(frame.stream);
  const auto found = m_calls.find(frame.stream);
  // What is still under way on a call that we have ended.
  if (found == m_calls.end())
    return true;
  const bool sound = receive(frame.stream, found->second, frame);
  if (found->second.over() || frame.type == FrameType::done)
    m_calls.erase(found);
  return sound;
}

bool AgentCalls::open(std::uint32_t stream) {
  if (m_calls.contains(stream))
    return false;
  if (m_calls.size() >= k_max_calls) {
    m_send(FrameType::kill, stream, {});
    return true;
  }
  try {
    SocketPair ends;
    ::fcntl(ends.ours.get(), F_SETFL, O_NONBLOCK);
    m_new.push_back(std::move(ends.theirs));
    m_calls.emplace(stream, Call{.socket = std::move(ends.ours)});
  } catch (const Error&) {
    m_send(FrameType::kill, stream, {});  // no descriptors are left
  }
  return true;
}

bool AgentCalls::receive(std::uint32_t stream, Call& call, const Frame& frame) {
  switch (frame.type) {
  case FrameType::output:
    if (frame.payload.size() > call.allowance || call.machine_ended)
      return false;
    call.allowance -= frame.payload.size();
    call.pending += frame.payload;
    break;
  case FrameType::end:
    call.machine_ended = true;
    break;
  case FrameType::credit:
    call.credit += std::min(decode_credit(frame.payload).value_or(0), k_input_window - call.credit);
    break;
  case FrameType::done:
    break;
  default:
    return false;
  }
  write_pending(stream, call);
  return true;
}

void AgentCalls::write_pending(std::uint32_t stream, Call& call) {
  while (!call.pending.empty()) {
    const ssize_t count = call.deaf ? static_cast<ssize_t>(call.pending.size())
                                    : ::send(call.socket.get(), call.pending.data(),
                                             call.pending.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0 && errno == EAGAIN)
      break;
    if (count < 0) {
      call.deaf = true;
      continue;
    }
    call.pending.erase(0, static_cast<std::size_t>(count));
    call.consumed += static_cast<std::uint32_t>(count);
  }
  if (call.consumed >= k_output_window / 4) {
    call.allowance += call.consumed;
    m_send(FrameType::credit, stream, encode_credit(std::exchange(call.consumed, 0)));
  }
  if (call.machine_ended && call.pending.empty())
    ::shutdown(call.socket.get(), SHUT_WR);
}

void AgentCalls::read_socket(std::uint32_t stream, Call& call) {
  char buffer[k_max_payload];
  const ssize_t count = ::recv(call.socket.get(), buffer,
                               std::min<std::size_t>(sizeof buffer, call.credit), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (count <= 0) {
    call.handler_ended = true;
    m_send(FrameType::end, stream, {});
    return;
  }
  call.credit -= static_cast<std::uint32_t>(count);
  m_send(FrameType::input, stream, {buffer, static_cast<std::size_t>(count)});
}

void AgentCalls::watch(std::vector<pollfd>& polled) {
  m_watched.clear();
  for (const auto& [stream, call] : m_calls) {
    short events = 0;
    if (!call.handler_ended && call.credit > 0)
      events |= POLLIN;
    if (!call.pending.empty())
      events |= POLLOUT;
    // A handler that has said all may yet close its end. One that we cannot read for want of
    // credit would tell of that again and again.
    if (events == 0 && !call.handler_ended)
      continue;
    polled.push_back({call.socket.get(), events, 0});
    m_watched.push_back(stream);
  }
}

void AgentCalls::serve(const pollfd* polled, std::size_t count) {
  for (std::size_t i = 0; i < std::min(count, m_watched.size()); ++i) {
    // The calls may have changed since they were watched; all that is done now waits for nothing.
    const auto found = m_calls.find(m_watched[i]);
    if (polled[i].revents == 0 || found == m_calls.end())
      continue;
    serve(found->first, found->second, polled[i].revents);
    if (found->second.over())
      m_calls.erase(found);
  }
}

void AgentCalls::serve(std::uint32_t stream, Call& call, short events) {
  const bool closed = (events & (POLLHUP | POLLERR)) != 0;
  if (call.handler_ended && closed) {
    m_send(FrameType::kill, stream, {});
    call.pending.clear();
    call.machine_ended = true;
    return;
  }
  if ((events & POLLOUT) != 0 || closed)
    write_pending(stream, call);
  if ((events & POLLIN) != 0 || closed)
    if (!call.handler_ended && call.credit > 0)
      read_socket(stream, call);
}

void AgentCalls::clear() {
  m_calls.clear();
  m_new.clear();
}

}  // namespace nestbox
