#include "harness/guest/frame.hpp"

#include <array>
#include <cstring>

namespace nestbox {

namespace {

constexpr std::string_view k_magic = "nest";

constexpr std::array<std::uint32_t, 256> k_crc_table = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit)
      value = (value >> 1) ^ ((value & 1) ? 0xEDB88320u : 0);
    table[i] = value;
  }
  return table;
}();

std::uint32_t crc32(const char* data, std::size_t size) {
  std::uint32_t crc = 0xFFFFFFFFu;
  for (std::size_t i = 0; i < size; ++i)
    crc = (crc >> 8) ^ k_crc_table[(crc ^ static_cast<unsigned char>(data[i])) & 0xFF];
  return ~crc;
}

template <class Integer>
void store(char* out, Integer value) {
  std::memcpy(out, &value, sizeof value);
}

template <class Integer>
Integer load(const char* in) {
  Integer value;
  std::memcpy(&value, in, sizeof value);
  return value;
}

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "frames are little-endian and so must be the machine");

bool valid_header(const char* header) {
  return std::memcmp(header, k_magic.data(), k_magic.size()) == 0
         && static_cast<std::uint8_t>(header[4]) == k_frame_version
         && load<std::uint32_t>(header + 12) <= k_max_payload
         && load<std::uint32_t>(header + 16) == crc32(header, 16);
}

}  // namespace

void encode_frame_header(FrameType type, std::uint16_t flags, std::uint32_t stream,
                         std::size_t length, char* out) {
  std::memcpy(out, k_magic.data(), k_magic.size());
  store(out + 4, k_frame_version);
  store(out + 5, type);
  store(out + 6, flags);
  store(out + 8, stream);
  store(out + 12, static_cast<std::uint32_t>(length));
  store(out + 16, crc32(out, 16));
}

void append_frame(std::string& out, FrameType type, std::uint32_t stream, std::string_view payload,
                  std::uint16_t flags) {
  char header[k_frame_header_size];
  encode_frame_header(type, flags, stream, payload.size(), header);
  out.append(header, sizeof header).append(payload);
}

void append_message(std::string& out, FrameType type, std::uint32_t stream,
                    std::string_view payload) {
  do {
    const std::string_view part = payload.substr(0, k_max_payload);
    payload.remove_prefix(part.size());
    append_frame(out, type, stream, part, payload.empty() ? std::uint16_t{0} : k_more);
  } while (!payload.empty());
}

FrameDecoder::FrameDecoder() : m_buffer(2 * (k_frame_header_size + k_max_payload)) {}

FrameDecoder::Space FrameDecoder::space() {
  if (m_begin == m_end) {
    m_begin = m_end = 0;
  } else if (m_begin + k_frame_header_size + k_max_payload > m_buffer.size()) {
    std::memmove(m_buffer.data(), m_buffer.data() + m_begin, m_end - m_begin);
    m_end -= m_begin;
    m_begin = 0;
  }
  return {m_buffer.data() + m_end, m_buffer.size() - m_end};
}

std::optional<Frame> FrameDecoder::next() {
  while (m_end - m_begin >= k_frame_header_size) {
    const char* header = m_buffer.data() + m_begin;
    if (!valid_header(header)) {
      const void* found = std::memchr(header + 1, k_magic[0], m_end - m_begin - 1);
      const std::size_t next_begin =
          found ? static_cast<std::size_t>(static_cast<const char*>(found) - m_buffer.data())
                : m_end;
      m_skipped += next_begin - m_begin;
      m_skipped_any = true;
      m_begin = next_begin;
      continue;
    }
    const std::size_t length = load<std::uint32_t>(header + 12);
    if (m_end - m_begin < k_frame_header_size + length)
      return std::nullopt;
    m_begin += k_frame_header_size + length;
    m_skipped = 0;
    return Frame{.type = static_cast<FrameType>(header[5]),
                 .flags = load<std::uint16_t>(header + 6),
                 .stream = load<std::uint32_t>(header + 8),
                 .payload = {header + k_frame_header_size, length}};
  }
  return std::nullopt;
}

}  // namespace nestbox
