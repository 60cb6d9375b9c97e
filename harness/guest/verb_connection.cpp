#include "harness/guest/verb_connection.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "harness/base/result.hpp"

namespace nestbox {

VerbConnection::VerbConnection(FileDescriptor socket) : m_socket(std::move(socket)) {
  ::fcntl(m_input.writing.get(), F_SETFL, O_NONBLOCK);
}

VerbConnection::~VerbConnection() {
  hang_up();
  if (m_pump.joinable())
    m_pump.join();
}

VerbCall VerbConnection::read_call(Deadline deadline, const CancelToken& cancel) {
  while (true) {
    if (auto message = m_decoder.next()) {
      // The pump ends as soon as there is no input to carry, but for the caller's going.
      VerbCall call = std::get<VerbCall>(*std::move(message));
      if (!call.input)
        m_input.writing.close();
      m_pump = std::thread([this] { pump(); });
      return call;
    }
    if (!m_decoder.sound())
      throw Error(ErrorCode::corrupt, std::string("a caller sent ") + m_decoder.problem());
    switch (wait_readable(m_socket.get(), deadline, cancel)) {
    case Wait::ready:
      break;
    case Wait::timed_out:
      throw Error(ErrorCode::timeout, "a caller did not say in time what it wants");
    case Wait::cancelled:
      throw Error(ErrorCode::cancelled, "cancelled");
    }
    if (!receive())
      throw Error(ErrorCode::cancelled, "the caller has gone");
  }
}

/// False at the end of the connection.
bool VerbConnection::receive() {
  const FrameDecoder::Space space = m_decoder.space();
  const ssize_t count = ::recv(m_socket.get(), space.data, space.size, MSG_DONTWAIT);
  if (count > 0)
    m_decoder.filled(static_cast<std::size_t>(count));
  return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
}

void VerbConnection::pump() {
  const CancelToken gone = m_gone.token();
  std::string_view
      rest;  // of one message's bytes, which stay where they are until the next receive
  while (true) {
    while (rest.empty()) {
      const auto message = m_decoder.next();
      if (!m_decoder.sound())
        return m_gone.cancel();
      if (!message)
        break;
      if (const auto* input = std::get_if<VerbInput>(&*message))
        rest = input->bytes;
      else
        m_input.writing.close();
    }
    // A caller that goes hangs up both ways, which is told whether asked for or not.
    pollfd polled[] = {
        {m_socket.get(), static_cast<short>(rest.empty() ? POLLIN | POLLRDHUP : POLLRDHUP), 0},
        {rest.empty() ? -1 : m_input.writing.get(), POLLOUT, 0},
        {gone.descriptor(), POLLIN, 0}};
    if (::poll(polled, std::size(polled), -1) < 0 && errno != EINTR)
      return m_gone.cancel();
    if (polled[2].revents != 0)
      return;
    if ((polled[0].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0)
      return m_gone.cancel();
    if ((polled[0].revents & POLLIN) != 0 && !receive())
      return m_gone.cancel();
    if (polled[1].revents == 0)
      continue;
    const ssize_t count = ::write(m_input.writing.get(), rest.data(), rest.size());
    rest.remove_prefix(static_cast<std::size_t>(count < 0 ? 0 : count));
  }
}

void VerbConnection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count =
        ::send(m_socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
      continue;
    }
    const bool full = count < 0 && (errno == EAGAIN || errno == EINTR);
    if (!full || wait_writable(m_socket.get(), Deadline::never(), gone()) != Wait::ready)
      throw Error(ErrorCode::cancelled, "the caller has gone");
  }
}

void VerbConnection::write_output(OutputStream stream, std::string_view bytes) {
  std::string frames;
  append(frames, VerbOutput{stream == OutputStream::standard_error, bytes});
  send(frames);
}

void VerbConnection::write_exit(int code) {
  std::string frames;
  append(frames, VerbExit{static_cast<std::uint8_t>(code)});
  static_cast<void>(catch_error([&] { send(frames); }));
}

void VerbConnection::hang_up() noexcept {
  m_gone.cancel();
  ::shutdown(m_socket.get(), SHUT_RDWR);
}

}  // namespace nestbox
