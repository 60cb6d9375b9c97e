#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace nestbox {

/// Builds a payload: little-endian integers; strings as a 32-bit length and their
/// bytes; lists of them behind a 32-bit count.
class PayloadWriter {
public:
  template <class Integer>
  requires std::is_integral_v<Integer> PayloadWriter& integer(Integer value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    m_bytes.append(bytes, sizeof bytes);
    return *this;
  }
  PayloadWriter& string(std::string_view text) {
    integer(static_cast<std::uint32_t>(text.size()));
    m_bytes.append(text);
    return *this;
  }
  PayloadWriter& strings(const std::vector<std::string>& texts) {
    integer(static_cast<std::uint32_t>(texts.size()));
    for (const std::string& text : texts)
      string(text);
    return *this;
  }
  std::string take() { return std::move(m_bytes); }

private:
  std::string m_bytes;
};

/// Reads what PayloadWriter wrote. Foreign bytes never make it read outside: it then yields zeros
/// and `sound()` is false for good.
class PayloadReader {
public:
  explicit PayloadReader(std::string_view bytes) : m_rest(bytes) {}

  template <class Integer>
  requires std::is_integral_v<Integer> Integer integer() {
    Integer value{};
    const std::string_view bytes = raw(sizeof value);
    if (m_sound)
      std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  std::string_view string() { return raw(integer<std::uint32_t>()); }
  std::vector<std::string> strings() {
    std::vector<std::string> texts;
    const auto count = integer<std::uint32_t>();
    // Each string takes four bytes at least, so a claimed count cannot make us reserve more than
    // was sent.
    texts.reserve(std::min<std::size_t>(count, left() / 4));
    for (std::uint32_t i = 0; i < count && sound(); ++i)
      texts.emplace_back(string());
    return texts;
  }

  /// True when nothing was missing so far.
  bool sound() const noexcept { return m_sound; }
  /// True when, moreover, nothing is left over.
  bool complete() const noexcept { return m_sound && m_rest.empty(); }
  std::size_t left() const noexcept { return m_rest.size(); }

private:
  std::string_view raw(std::size_t size) {
    if (!m_sound || size > m_rest.size()) {
      m_sound = false;
      return {};
    }
    const std::string_view taken = m_rest.substr(0, size);
    m_rest.remove_prefix(size);
    return taken;
  }

  std::string_view m_rest;
  bool m_sound = true;
};

}  // namespace nestbox
