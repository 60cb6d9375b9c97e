#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "harness/net/mac_address.hpp"

namespace nestbox {

constexpr std::size_t k_frame_prefix = 4;
constexpr std::size_t k_smallest_frame = 14;    ///< an Ethernet header
constexpr std::size_t k_largest_frame = 65553;  ///< header, VLAN tag and the largest IP packet

/// A frame as it stands in a machine's stream: behind its length, 32 bits in network order. Owns
/// nothing.
class FrameView {
public:
  /// `in_stream` is a whole frame with its length, as FrameSplitter finds them.
  explicit FrameView(std::string_view in_stream) : m_in_stream(in_stream) {}

  std::string_view in_stream() const { return m_in_stream; }
  std::string_view bytes() const { return m_in_stream.substr(k_frame_prefix); }
  std::size_t size() const { return m_in_stream.size() - k_frame_prefix; }

  MacAddress destination() const { return address(0); }
  MacAddress source() const { return address(sizeof(MacAddress)); }
  /// What is behind the Ethernet header and its VLAN tags, in bytes: what an MTU limits.
  std::size_t packet_size() const;

private:
  MacAddress address(std::size_t offset) const {
    MacAddress found;
    std::memcpy(found.bytes.data(), bytes().data() + offset, found.bytes.size());
    return found;
  }

  std::string_view m_in_stream;
};

/// A frame with its length before it.
std::string frame_in_stream(std::string_view frame);

/// Takes whole frames off the front of received bytes.
class FrameSplitter {
public:
  explicit FrameSplitter(std::string_view bytes) : m_rest(bytes) {}

  /// Nothing when no whole frame is left, or what is left is none.
  std::optional<FrameView> next();

  /// A length that no frame has: there is no way to tell where the next one begins.
  bool malformed() const { return m_malformed; }
  std::string_view rest() const { return m_rest; }  ///< the beginning of a frame

private:
  std::string_view m_rest;
  bool m_malformed = false;
};

}  // namespace nestbox
