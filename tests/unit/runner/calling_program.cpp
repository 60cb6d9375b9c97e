#include "tests/unit/runner/calling_program.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include "harness/base/clock.hpp"

namespace nestbox {

void CallingProgram::send(const std::string& bytes) const {
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t count =
        ::send(m_sockets.ours.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0)
      return;  // the host has hung up
    sent += static_cast<std::size_t>(count);
  }
}

void CallingProgram::call(std::vector<std::string> argv, const std::string& input) const {
  std::string bytes;
  append(bytes, VerbCall{std::move(argv), "/work", false, !input.empty()});
  if (!input.empty()) {
    append(bytes, VerbInput{input});
    append(bytes, VerbInputEnd{});
  }
  send(bytes);
}

std::optional<int> CallingProgram::finish() {
  VerbDecoder decoder(VerbDecoder::Sender::host);
  const Deadline deadline = Deadline::after(std::chrono::minutes(1));
  for (;;) {
    while (const std::optional<VerbMessage> message = decoder.next()) {
      if (const auto* exit = std::get_if<VerbExit>(&*message))
        return exit->code;
      if (const auto* output = std::get_if<VerbOutput>(&*message))
        m_output += output->bytes;
    }
    if (!decoder.sound() || wait_readable(m_sockets.ours.get(), deadline) != Wait::ready)
      return std::nullopt;
    const FrameDecoder::Space space = decoder.space();
    const ssize_t count = ::read(m_sockets.ours.get(), space.data, space.size);
    if (count <= 0)
      return std::nullopt;
    decoder.filled(static_cast<std::size_t>(count));
  }
}

}  // namespace nestbox
