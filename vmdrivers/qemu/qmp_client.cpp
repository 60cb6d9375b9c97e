#include "vmdrivers/qemu/qmp_client.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace nestbox::qemu {
namespace {

/// All of `bytes`, with `passed` (unless -1) as ancillary data of the first; false when the peer
/// has gone. The socket's buffer is far larger than all commands of a machine's life, so this does
/// not block.
bool send_all(int socket, std::string_view bytes, int passed) {
  while (!bytes.empty()) {
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    if (passed >= 0) {
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof(int));
      std::memcpy(CMSG_DATA(header), &passed, sizeof(int));
    }
    const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR)
      continue;
    if (sent < 0)
      return false;
    passed = -1;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

Error gone() {
  return {ErrorCode::lost, "qemu has ended"};
}

Error named(const Error& error, const std::string& command) {
  return error.during("sending '" + command + "' to qemu");
}

}  // namespace

QmpClient::QmpClient(FileDescriptor socket, std::function<void(const QmpEvent&)> on_event)
    : m_socket(std::move(socket)), m_on_event(std::move(on_event)) {}

void QmpClient::post(const std::vector<Command>& commands) {
  std::lock_guard lock(m_mutex);
  std::string bytes;
  for (const Command& command : commands) {
    bytes += format_qmp_command(++m_last_id, command.name, command.arguments);
    m_waiting[m_last_id] = {command.name, true};
  }
  if (m_ended || !send_all(m_socket.get(), bytes, -1))
    throw m_ended.value_or(gone());
}

nlohmann::json QmpClient::execute(const Command& command, Deadline deadline) {
  std::unique_lock lock(m_mutex);
  const std::int64_t id = ++m_last_id;
  const std::string bytes = format_qmp_command(id, command.name, command.arguments);
  if (m_ended || !send_all(m_socket.get(), bytes, command.descriptor))
    throw named(m_ended.value_or(gone()), command.name);
  m_waiting[id] = {command.name, false};
  const auto answered = [&] { return m_waiting[id].value || m_ended; };
  if (deadline.is_never())
    m_answered.wait(lock, answered);
  else
    m_answered.wait_until(lock, deadline.instant(), answered);
  const auto value = std::move(m_waiting[id].value);
  m_waiting.erase(id);
  if (!value)
    throw named(m_ended.value_or(Error(ErrorCode::timeout, "qemu did not answer in time")),
                command.name);
  if (!*value)
    throw named(value->error(), command.name);
  return **value;
}

std::optional<Error> QmpClient::refusal() const {
  std::lock_guard lock(m_mutex);
  return m_refusal;
}

bool QmpClient::receive() {
  std::array<char, 65536> buffer;
  const ssize_t count = ::recv(m_socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR))
    return true;
  if (count <= 0) {
    end(gone());
    return false;
  }
  m_reader.add({buffer.data(), static_cast<std::size_t>(count)});
  while (true) {
    auto line = m_reader.next();
    if (line && !*line)
      return true;
    auto message = line ? parse_qmp_message(**line) : fail(std::move(line.error()));
    if (!message) {
      end(std::move(message.error()));
      return false;
    }
    handle(*message);
  }
}

void QmpClient::handle(const QmpMessage& message) {
  if (const auto* event = std::get_if<QmpEvent>(&message))
    return m_on_event(*event);
  const auto* reply = std::get_if<QmpReply>(&message);
  if (!reply)
    return;
  std::lock_guard lock(m_mutex);
  const auto waiting = m_waiting.find(reply->id);
  if (waiting == m_waiting.end())
    return;
  if (!waiting->second.posted) {
    waiting->second.value = reply->value;
    m_answered.notify_all();
    return;
  }
  if (!reply->value && !m_refusal)
    m_refusal = named(reply->value.error(), waiting->second.command);
  m_waiting.erase(waiting);
}

void QmpClient::end(Error cause) {
  std::lock_guard lock(m_mutex);
  if (!m_ended)
    m_ended = std::move(cause);
  m_answered.notify_all();
}

}  // namespace nestbox::qemu
