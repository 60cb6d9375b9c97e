#include "harness/guest/verb_protocol.hpp"

#include <algorithm>

#include "harness/guest/agent_protocol.hpp"
#include "harness/guest/payload.hpp"

namespace nestbox {

namespace {

constexpr std::uint8_t k_terminal = 1;
constexpr std::uint8_t k_input = 2;

std::optional<VerbCall> decode_call(PayloadReader& reader) {
  VerbCall call;
  const auto options = reader.integer<std::uint8_t>();
  call.terminal = options & k_terminal;
  call.input = options & k_input;
  call.working_directory = reader.string();
  call.argv = reader.strings();
  const auto holds_nul = [](const std::string& text) { return text.find('\0') != text.npos; };
  if (!reader.complete() || options > (k_terminal | k_input)
      || !call.working_directory.starts_with('/') || holds_nul(call.working_directory)
      || std::ranges::any_of(call.argv, holds_nul))
    return std::nullopt;
  return call;
}

void append_bytes(std::string& out, FrameType type, std::string_view bytes) {
  if (!bytes.empty())
    append_message(out, type, 0, bytes);
}

}  // namespace

void append(std::string& out, const VerbCall& call) {
  append_message(out, FrameType::verb_call, 0,
                 PayloadWriter()
                     .integer(k_verb_version)
                     .integer(static_cast<std::uint8_t>((call.terminal ? k_terminal : 0)
                                                        | (call.input ? k_input : 0)))
                     .string(call.working_directory)
                     .strings(call.argv)
                     .take());
}

void append(std::string& out, const VerbInput& input) {
  append_bytes(out, FrameType::verb_input, input.bytes);
}

void append(std::string& out, const VerbInputEnd&) {
  append_frame(out, FrameType::verb_input_end, 0, {});
}

void append(std::string& out, const VerbOutput& output) {
  append_bytes(out, output.error ? FrameType::verb_error_output : FrameType::verb_output,
               output.bytes);
}

void append(std::string& out, const VerbExit& exit) {
  append_frame(out, FrameType::verb_exit, 0, PayloadWriter().integer(exit.code).take());
}

std::optional<VerbMessage> VerbDecoder::next() {
  while (sound()) {
    const auto frame = m_decoder.next();
    if (m_decoder.skipped_any())
      return refuse("bytes that are no frame");
    if (!frame)
      return std::nullopt;
    if (auto message = accept(*frame))
      return message;
  }
  return std::nullopt;
}

std::optional<VerbMessage> VerbDecoder::accept(const Frame& frame) {
  if (m_ended)
    return refuse("a frame after the last");
  if (m_sender == Sender::host) {
    if (frame.type == FrameType::verb_output || frame.type == FrameType::verb_error_output)
      return VerbOutput{frame.type == FrameType::verb_error_output, frame.payload};
    if (frame.type == FrameType::verb_exit)
      return accept_exit(frame);
  } else if (frame.type == FrameType::verb_call && !m_called) {
    return accept_call(frame);
  } else if (m_called && frame.type == FrameType::verb_input) {
    return VerbInput{frame.payload};
  } else if (m_called && frame.type == FrameType::verb_input_end) {
    m_ended = true;
    return VerbInputEnd{};
  }
  return refuse("a frame where it has no meaning");
}

std::optional<VerbMessage> VerbDecoder::accept_call(const Frame& frame) {
  m_call += frame.payload;
  if (m_call.size() > k_max_message)
    return refuse("a call of more than 2 MiB");
  if (frame.flags & k_more)
    return std::nullopt;
  PayloadReader reader(m_call);
  if (reader.integer<std::uint32_t>() != k_verb_version)
    return refuse("another version of the protocol");
  auto call = decode_call(reader);
  if (!call)
    return refuse("a call of unsound bytes");
  m_called = true;
  m_ended = !call->input;
  m_call = {};
  return *std::move(call);
}

std::optional<VerbMessage> VerbDecoder::accept_exit(const Frame& frame) {
  PayloadReader reader(frame.payload);
  const VerbExit exit{reader.integer<std::uint8_t>()};
  if (!reader.complete())
    return refuse("an exit of unsound bytes");
  m_ended = true;
  return exit;
}

std::optional<VerbMessage> VerbDecoder::refuse(const char* problem) {
  m_problem = problem;
  return std::nullopt;
}

}  // namespace nestbox
