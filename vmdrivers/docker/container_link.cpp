#include "vmdrivers/docker/container_link.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "vmdrivers/docker/outgoing_bytes.hpp"
#include "vmdrivers/docker/stream_decoder.hpp"

namespace nestbox::docker {
namespace {

constexpr std::size_t k_console_tail = 256 * 1024;

/// From the end of the connection to the engine's word on how the container ended.
constexpr std::chrono::milliseconds k_grace(500);

}  // namespace

ContainerLink::ContainerLink(FileDescriptor connection, FileDescriptor agent)
    : m_connection(std::move(connection)), m_agent(std::move(agent)) {
  ::fcntl(m_connection.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(m_agent.get(), F_SETFL, O_NONBLOCK);
  m_thread = std::thread([this] {
    relay();
    announce_end();
  });
}

ContainerLink::~ContainerLink() {
  m_stop.cancel();
  m_thread.join();
}

void ContainerLink::relay() {
  StreamDecoder decoder;
  OutgoingBytes to_container(m_connection.get());
  OutgoingBytes to_transport(m_agent.get());
  Piece buffer;
  const auto sink = [&](StreamDecoder::Stream stream, std::string_view bytes) {
    if (stream == StreamDecoder::Stream::output)
      to_transport.add(bytes);
    else
      say(bytes);
  };
  enum { k_stop, k_container, k_transport, k_count };
  std::array<pollfd, k_count> entries{};
  entries[k_stop] = {m_stop.token().descriptor(), POLLIN, 0};
  bool transport_open = true;
  bool container_open = true;
  const auto lose_transport = [&] {
    transport_open = false;
    to_transport.drop();
    ::shutdown(m_connection.get(), SHUT_WR);
  };
  while (container_open) {
    entries[k_container] = relay_entry(m_connection.get(), to_container, to_transport);
    entries[k_transport] =
        relay_entry(transport_open ? m_agent.get() : -1, to_transport, to_container);
    if (::poll(entries.data(), entries.size(), -1) < 0 && errno != EINTR)
      break;
    if (entries[k_stop].revents)
      break;
    if (entries[k_container].revents && to_transport.empty()) {
      const auto bytes = read_some(m_connection.get(), buffer);
      container_open = bytes && decoder.feed(*bytes, sink);
    }
    if (entries[k_transport].revents && to_container.empty() && transport_open) {
      const auto bytes = read_some(m_agent.get(), buffer);
      if (bytes)
        to_container.add(*bytes);
      else
        lose_transport();
    }
    if (!to_transport.flush() || (!transport_open && !to_transport.empty()))
      lose_transport();
    container_open = to_container.flush() && container_open;
  }
  m_agent.close();
  std::unique_lock lock(m_mutex);
  m_broken = true;
  m_changed.notify_all();
  if (!m_stop.token().cancelled())
    m_changed.wait_for(lock, k_grace, [this] { return m_exit_code || m_quit; });
}

void ContainerLink::say(std::string_view bytes) {
  const std::lock_guard lock(m_mutex);
  m_console += bytes;
  // Cut seldom, for each cut moves all that stays.
  if (m_console.size() > 2 * k_console_tail)
    m_console.erase(0, m_console.size() - k_console_tail);
}

void ContainerLink::exited(int code) {
  const std::lock_guard lock(m_mutex);
  m_exit_code = code;
  m_changed.notify_all();
}

void ContainerLink::quit() {
  const std::lock_guard lock(m_mutex);
  m_quit = true;
  m_changed.notify_all();
}

std::string ContainerLink::console() const {
  const std::lock_guard lock(m_mutex);
  return m_console.size() > k_console_tail ? m_console.substr(m_console.size() - k_console_tail)
                                           : m_console;
}

Condition ContainerLink::condition() {
  std::unique_lock lock(m_mutex);
  if (m_broken)
    m_changed.wait_for(lock, k_grace, [this] { return m_exit_code.has_value(); });
  return told_condition();
}

Condition ContainerLink::told_condition() const {
  if (m_exit_code)
    return *m_exit_code == 0 ? Condition::stopped : Condition::lost;
  return m_broken ? Condition::lost : Condition::running;
}

void ContainerLink::on_end(std::function<void(Condition)> handler) {
  const std::lock_guard lock(m_handler_mutex);
  m_on_end = std::move(handler);
  if (m_announced)
    tell_end();
}

void ContainerLink::announce_end() {
  const std::lock_guard lock(m_handler_mutex);
  m_announced = true;
  tell_end();
}

void ContainerLink::tell_end() {
  std::unique_lock lock(m_mutex);
  const Condition condition = told_condition();
  const bool wanted = m_on_end && !m_quit && !m_stop.token().cancelled();
  lock.unlock();
  if (wanted)
    m_on_end(condition);
}

}  // namespace nestbox::docker
