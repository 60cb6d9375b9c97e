#include "benchmarks/raw_agent.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "harness/base/error.hpp"
#include "harness/guest/agent_protocol.hpp"

namespace nestbox::bench {

namespace {

constexpr std::uint32_t k_stream = 1;

}  // namespace

std::string command_frames(const std::vector<std::string>& command) {
  HelloMessage hello;
  hello.nonce.fill('n');
  RunMessage request;
  request.argv = command;
  std::string frames;
  append_frame(frames, FrameType::hello, 0, encode(hello));
  append_frame(frames, FrameType::run, k_stream, encode(request));
  return frames;
}

void send_all(const FileDescriptor& socket, std::string_view bytes) {
  if (send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL)
      != static_cast<ssize_t>(bytes.size()))
    throw system_error("cannot write to QEMU", errno);
}

void await_output(const FileDescriptor& socket) {
  FrameDecoder decoder;
  for (;;) {
    while (const auto frame = decoder.next()) {
      if (frame->type == FrameType::output && frame->stream == k_stream)
        return;
      if (frame->type == FrameType::error || frame->type == FrameType::exit)
        throw Error(ErrorCode::infrastructure, "the restored guest refused the command");
    }
    const auto space = decoder.space();
    const ssize_t count = read(socket.get(), space.data, space.size);
    if (count <= 0)
      throw Error(ErrorCode::lost, "raw QEMU ended before the guest answered");
    decoder.filled(static_cast<std::size_t>(count));
  }
}

}  // namespace nestbox::bench
