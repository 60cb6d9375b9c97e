#include "runner/verb_channel.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include <fmt/format.h>

#include "harness/base/error.hpp"

namespace nestbox {

VerbChannel::VerbChannel(FileDescriptor connection, const CancelToken& parent)
    : m_connection(std::move(connection)), m_gone(parent) {}

VerbChannel::~VerbChannel() {
  m_done.cancel();
  if (m_listener.joinable())
    m_listener.join();
}

VerbCall VerbChannel::accept(Deadline deadline) {
  std::optional<VerbMessage> message = read_message(deadline);
  if (!message)
    throw Error(ErrorCode::cancelled, "the caller went away before it had called");
  VerbCall call = std::get<VerbCall>(std::move(*message));
  if (call.input)
    m_input.emplace();
  m_listener = std::thread([this] { listen(); });
  return call;
}

void VerbChannel::write(OutputStream stream, std::string_view bytes) {
  std::string frames;
  append(frames, VerbOutput{stream == OutputStream::standard_error, bytes});
  send(frames);
}

void VerbChannel::exit(std::uint8_t code) {
  std::string frames;
  append(frames, VerbExit{code});
  send(frames);
}

/// The next message; nothing when the caller hung up.
std::optional<VerbMessage> VerbChannel::read_message(Deadline deadline) {
  for (;;) {
    if (std::optional<VerbMessage> message = m_decoder.next())
      return message;
    if (!m_decoder.sound())
      throw Error(ErrorCode::corrupt, fmt::format("a caller does not speak the verb protocol: {}",
                                                  m_decoder.problem()));
    if (!read_some(deadline))
      return std::nullopt;
  }
}

bool VerbChannel::read_some(Deadline deadline) {
  switch (wait_readable(m_connection.get(), deadline, m_gone.token())) {
  case Wait::timed_out:
    throw Error(ErrorCode::timeout, "a caller did not say what it wants");
  case Wait::cancelled:
    throw Error(ErrorCode::cancelled, "the world of the caller has ended");
  case Wait::ready:
    break;
  }
  const FrameDecoder::Space space = m_decoder.space();
  ssize_t count;
  while ((count = ::recv(m_connection.get(), space.data, space.size, MSG_DONTWAIT)) < 0
         && errno == EINTR) {
  }
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
    return true;
  if (count <= 0)
    return false;
  m_decoder.filled(static_cast<std::size_t>(count));
  return true;
}

/// Hands input on; whatever ends the connection, the protocol or the call ends this.
void VerbChannel::listen() {
  const Result<void> heard = catch_error([&] {
    do {
      if (!pass_on_input())
        return m_gone.cancel();
    } while (wait_for_more());
  });
  if (!heard)
    m_gone.cancel();
}

/// What has been received already, also together with the call. False for a broken protocol, or
/// once the caller is gone.
bool VerbChannel::pass_on_input() {
  while (const std::optional<VerbMessage> message = m_decoder.next())
    if (const auto* input = std::get_if<VerbInput>(&*message)) {
      if (!pass_on(input->bytes))
        return false;
    } else if (m_input) {
      m_input->ours.close();
    }
  return m_decoder.sound();
}

/// False once the call is done.
bool VerbChannel::wait_for_more() {
  pollfd waits[] = {{m_connection.get(), POLLIN | POLLRDHUP, 0},
                    {m_done.token().descriptor(), POLLIN, 0}};
  while (::poll(waits, 2, -1) < 0)
    if (errno != EINTR)
      throw system_error("cannot wait for a caller", errno);
  if (waits[1].revents != 0)
    return false;
  if (!read_some(Deadline::never()))
    throw Error(ErrorCode::cancelled, "the caller went away");
  return true;
}

/// False once the caller is gone. What nobody reads any more is dropped.
bool VerbChannel::pass_on(std::string_view bytes) {
  while (!bytes.empty() && m_input && m_input->ours) {
    const ssize_t count =
        ::send(m_input->ours.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
      continue;
    }
    if (errno == EPIPE || errno == ECONNRESET) {
      m_input->ours.close();
      break;
    }
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
      return false;
    // The command does not read; its caller may hang up meanwhile, with input still unread.
    pollfd waits[] = {{m_input->ours.get(), POLLOUT, 0},
                      {m_connection.get(), POLLRDHUP, 0},
                      {m_done.token().descriptor(), POLLIN, 0}};
    if (::poll(waits, 3, -1) < 0 && errno != EINTR)
      return false;
    if (waits[1].revents != 0 || waits[2].revents != 0)
      return false;
  }
  return true;
}

void VerbChannel::send(std::string_view frames) {
  while (!frames.empty() && !m_gone.token().cancelled()) {
    const ssize_t count =
        ::send(m_connection.get(), frames.data(), frames.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count >= 0)
      frames.remove_prefix(static_cast<std::size_t>(count));
    else if (errno == EAGAIN || errno == EWOULDBLOCK)
      wait_writable(m_connection.get(), Deadline::never(), m_gone.token());
    else if (errno != EINTR)
      return m_gone.cancel();
  }
}

}  // namespace nestbox
