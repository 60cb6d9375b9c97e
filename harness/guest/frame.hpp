#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The framing of the agent protocol, shared by the host and by the agent (so: no exceptions, no
/// base library). docs/reference/agent-protocol.md describes the bytes.
namespace nestbox {

constexpr std::uint8_t k_frame_version = 1;
constexpr std::size_t k_frame_header_size = 20;
constexpr std::size_t k_max_payload = 64 * 1024;

/// What a frame says. Numbers are part of the protocol: never reuse one.
enum class FrameType : std::uint8_t {
  hello = 1,         ///< both ways: begins a session
  ping = 2,          ///< to the agent: a nonce
  pong = 3,          ///< from the agent: the same nonce
  thaw = 4,          ///< to the agent: an identity; answered by done or error
  quiesce = 5,       ///< to the agent: sync and end the session; answered by done or error
  run = 6,           ///< to the agent: a command; ends with exit
  exit = 7,          ///< from the agent: how the command ended; the last frame of its stream
  output = 8,        ///< from the agent: stdout, or what the terminal shows
  error_output = 9,  ///< from the agent: stderr
  input = 10,        ///< to the agent: stdin
  end = 11,          ///< no more input, or no more of a tree
  resize = 12,       ///< to the agent: the terminal's new size
  kill = 13,         ///< to the agent: end the command's whole process tree
  credit = 14,       ///< both ways: so many more bytes may be sent on this stream
  put = 15,   ///< to the agent: a directory's path; tree frames and end follow; answered by done or
              ///< error
  get = 16,   ///< to the agent: a path; answered by tree frames, then done or error
  tree = 17,  ///< both ways: a piece of a tree stream
  done = 18,  ///< from the agent: the request of this stream is fulfilled
  error = 19,  ///< from the agent: it is not, and why
  call = 20,   ///< from the agent: a program in the machine calls the host; output, input, end and
               ///< credit follow

  // Those of the verb protocol (verb_protocol.hpp).
  verb_call = 32,          ///< to the host: what to do
  verb_input = 33,         ///< to the host: stdin
  verb_input_end = 34,     ///< to the host: no more of it
  verb_output = 35,        ///< from the host: stdout
  verb_error_output = 36,  ///< from the host: stderr
  verb_exit = 37,          ///< from the host: it is done; the last frame
};

/// The message goes on in the next frame of this type and stream.
constexpr std::uint16_t k_more = 1;

/// One frame, as received. `payload` points into the decoder and is valid until its next `space()`.
struct Frame {
  FrameType type{};
  std::uint16_t flags = 0;
  std::uint32_t stream = 0;
  std::string_view payload;
};

/// The 20 bytes before a payload of `length` bytes (at most k_max_payload), written to `out`.
void encode_frame_header(FrameType type, std::uint16_t flags, std::uint32_t stream,
                         std::size_t length, char* out);

/// Header and payload behind each other, appended to `out`.
void append_frame(std::string& out, FrameType type, std::uint32_t stream, std::string_view payload,
                  std::uint16_t flags = 0);

/// A message as frames: a payload longer than k_max_payload goes into several.
void append_message(std::string& out, FrameType type, std::uint32_t stream,
                    std::string_view payload);

/// Cuts received bytes into frames. Bytes that are no frame are skipped until a valid header comes,
/// and counted.
class FrameDecoder {
public:
  FrameDecoder();

  struct Space {
    char* data;
    std::size_t size;
  };
  /// Where to read(2) into next; never empty once `next()` has returned nothing.
  Space space();
  void filled(std::size_t count) { m_end += count; }

  std::optional<Frame> next();

  /// Bytes skipped since the last valid frame.
  std::uint64_t skipped() const noexcept { return m_skipped; }
  /// Whether any were, ever.
  bool skipped_any() const noexcept { return m_skipped_any; }
  void reset() noexcept { m_begin = m_end = m_skipped = 0; }

private:
  std::vector<char> m_buffer;
  std::size_t m_begin = 0;
  std::size_t m_end = 0;
  std::uint64_t m_skipped = 0;
  bool m_skipped_any = false;
};

}  // namespace nestbox
