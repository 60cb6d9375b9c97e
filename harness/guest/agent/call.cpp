#include "harness/guest/agent/call.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace nestbox::agent {

namespace {

bool hung_up(const FileDescriptor& connection) {
  pollfd entry{connection.get(), 0, 0};
  return poll(&entry, 1, 0) > 0;
}

}  // namespace

FileDescriptor listen_for_calls(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return {};
  }
  path.copy(address.sun_path, path.size());
  FileDescriptor listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  unlink(path.c_str());
  const mode_t before = umask(0177);
  const bool bound =
      bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  umask(before);
  if (!bound || listen(listener.get(), static_cast<int>(k_max_calls)) != 0)
    return {};
  return listener;
}

Call::Call(Session& session, std::uint32_t id, FileDescriptor connection)
    : Stream(session, id), m_connection(std::move(connection)), m_watched_events(EPOLLIN) {
  send(FrameType::call, {});
  m_session.sources.add(m_connection.get(), m_watched_events, tag(0));
}

Call::~Call() {
  m_session.sources.remove(m_connection.get());
}

void Call::receive(const Frame& frame) {
  if (frame.type == FrameType::input) {
    if (m_pending.size() + frame.payload.size() > k_input_window)  // beyond its credit
      return finish(FrameType::done, {});
    m_pending += frame.payload;
  } else if (frame.type == FrameType::end) {
    m_host_ended = true;
  } else if (frame.type == FrameType::kill) {
    m_killed = true;
  } else if (frame.type == FrameType::credit) {
    m_credit += std::min(decode_credit(frame.payload).value_or(0), k_output_window - m_credit);
  }
  write_pending();
  settle();
}

void Call::ready(unsigned) {
  write_pending();
  if (!m_program_ended && !m_killed && m_credit > 0)
    read_some();
  settle();
}

void Call::write_pending() {
  std::size_t written = 0;
  while (written < m_pending.size() && !m_deaf) {
    const ssize_t count =
        write(m_connection.get(), m_pending.data() + written, m_pending.size() - written);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0 && errno != EAGAIN)
      m_deaf = true;
    if (count < 0)
      break;
    written += static_cast<std::size_t>(count);
  }
  if (m_deaf)
    written = m_pending.size();
  m_pending.erase(0, written);
  grant(written);
  if (m_host_ended && m_pending.empty())
    shutdown(m_connection.get(), SHUT_WR);
}

void Call::read_some() {
  const std::size_t size = std::min<std::size_t>(m_credit, k_max_payload);
  char* const payload = m_session.payload.data();
  const ssize_t count = read(m_connection.get(), payload, size);
  if (count > 0) {
    send(FrameType::output, {payload, static_cast<std::size_t>(count)});
    m_credit -= static_cast<std::uint32_t>(count);
  } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
    m_program_ended = true;
    send(FrameType::end, {});
  }
}

/// Ends the call when it is over, or waits for what may come next.
void Call::settle() {
  if (finished())
    return;
  const bool reads = !m_program_ended && !m_killed && m_credit > 0;
  const bool over = m_pending.empty() && (m_killed || (m_host_ended && m_program_ended));
  // A program that has gone wants nothing more. What it sent before it went and the host has no
  // room for is given up: else nobody would learn that it has gone.
  if (over || (!reads && hung_up(m_connection)))
    return finish(FrameType::done, {});
  const std::uint32_t events =
      (reads ? std::uint32_t{EPOLLIN} : 0) | (m_pending.empty() ? 0 : std::uint32_t{EPOLLOUT});
  if (events != m_watched_events)
    m_session.sources.change(m_connection.get(), events, tag(0));
  m_watched_events = events;
}

}  // namespace nestbox::agent
