#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace nestbox::docker {

/// Takes apart what an engine makes of a container's two output streams: pieces behind headers of
/// eight bytes (the stream's number, three zeros, the length as 32 bits, big endian).
class StreamDecoder {
public:
  enum class Stream { output = 1, error_output = 2 };
  using Sink = std::function<void(Stream, std::string_view)>;

  /// `sink` is called with what of `bytes` belongs to a stream, in order. False once the bytes are
  /// not what an engine sends; nothing more is taken then.
  [[nodiscard]] bool feed(std::string_view bytes, const Sink& sink);

private:
  static constexpr std::size_t k_header_size = 8;

  unsigned char m_header[k_header_size] = {};
  std::size_t m_header_filled = 0;
  std::uint32_t m_left = 0;  ///< of the piece that was begun
  bool m_broken = false;
};

}  // namespace nestbox::docker
