#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "harness/base/result.hpp"

namespace nestbox {

/// An amount of memory or storage, in bytes.
struct Bytes {
  std::uint64_t count = 0;

  auto operator<=>(const Bytes&) const = default;
  constexpr Bytes operator+(Bytes other) const { return {count + other.count}; }
  constexpr Bytes operator*(std::uint64_t factor) const { return {count * factor}; }
};

constexpr Bytes kibibytes(std::uint64_t count) {
  return {count << 10};
}
constexpr Bytes mebibytes(std::uint64_t count) {
  return {count << 20};
}
constexpr Bytes gibibytes(std::uint64_t count) {
  return {count << 30};
}

/// "256MiB", "1GiB", "512M", "64kB", "4096": binary units with or without 'i'; no sign, no fraction
/// but "1.5GiB".
Result<Bytes> parse_bytes(std::string_view text);

/// "256 MiB", "1.5 GiB", "12 KiB", "17 B": for a person, at most four characters of number.
std::string format_bytes(Bytes bytes);

/// "90s", "2m", "1h30m", "250ms", "1.5s"; a bare number is refused, for it has no unit.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

/// "250 ms", "1.4 s", "2 m 05 s", "1 h 03 m": for a person.
std::string format_duration(std::chrono::nanoseconds duration);

/// "250ms", "90s", "5m", "1h30m": the exact form that parse_duration reads back.
std::string canonical_duration(std::chrono::milliseconds duration);

}  // namespace nestbox
