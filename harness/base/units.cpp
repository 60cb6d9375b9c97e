#include "harness/base/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

namespace nestbox {

namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t k_most = std::numeric_limits<std::uint64_t>::max();
constexpr milliseconds k_longest_duration = std::chrono::hours(24 * 365);

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// "12" or "1.5" taken off the front of a text: the digits before the point, and those behind as a
// fraction of 10^places.
struct Number {
  std::uint64_t whole = 0;
  std::uint64_t fraction = 0;
  std::uint64_t scale = 1;

  bool has_fraction() const { return scale > 1; }

  // This many of `unit`, rounded down; nothing when 64 bits cannot hold it.
  std::optional<std::uint64_t> times(std::uint64_t unit) const {
    if (whole > (k_most - (unit - 1)) / unit)
      return std::nullopt;
    return whole * unit + unit / scale * fraction + unit % scale * fraction / scale;
  }
};

std::optional<Number> take_number(std::string_view& text) {
  constexpr std::uint64_t k_largest_scale = 1'000'000;
  Number number;
  if (text.empty() || !is_digit(text.front()))
    return std::nullopt;
  for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1)) {
    const auto digit = static_cast<std::uint64_t>(text.front() - '0');
    if (number.whole > (k_most - digit) / 10)
      return std::nullopt;
    number.whole = number.whole * 10 + digit;
  }
  if (text.size() < 2 || text[0] != '.' || !is_digit(text[1]))
    return number;
  for (text.remove_prefix(1); !text.empty() && is_digit(text.front()); text.remove_prefix(1)) {
    if (number.scale == k_largest_scale)
      return std::nullopt;
    number.fraction = number.fraction * 10 + static_cast<std::uint64_t>(text.front() - '0');
    number.scale *= 10;
  }
  return number;
}

// The unit's size; 0 when it is none.
std::uint64_t byte_unit(std::string_view suffix) {
  constexpr std::string_view k_letters = "KMGT";
  if (suffix.empty() || suffix == "B")
    return 1;
  const std::size_t power = k_letters.find(suffix[0] == 'k' ? 'K' : suffix[0]);
  const std::string_view rest = suffix.substr(1);
  if (power == k_letters.npos || (!rest.empty() && rest != "B" && rest != "iB" && rest != "i"))
    return 0;
  return std::uint64_t{1} << 10 * (power + 1);
}

struct DurationUnit {
  std::string_view name;
  std::uint64_t in_milliseconds;
};
constexpr std::array<DurationUnit, 4> k_duration_units = {
    {{"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};

}  // namespace

Result<Bytes> parse_bytes(std::string_view text) {
  std::string_view rest = text;
  const std::optional<Number> number = take_number(rest);
  const bool spaced = rest.size() > 1 && rest.front() == ' ';
  const std::uint64_t unit = byte_unit(spaced ? rest.substr(1) : rest);
  if (!number || unit == 0 || (number->has_fraction() && unit == 1))
    return fail(ErrorCode::definition, fmt::format("'{}' is not a size", text),
                "write a number and a unit, like '256MiB' or '1.5GiB'");
  const std::optional<std::uint64_t> count = number->times(unit);
  if (!count)
    return fail(ErrorCode::definition, fmt::format("size '{}' is too large", text));
  return Bytes{*count};
}

std::string format_bytes(Bytes bytes) {
  constexpr std::array<std::string_view, 5> k_names = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes.count);
  std::size_t unit = 0;
  // 1023.5 would be shown as 1024 of the smaller unit.
  for (; unit + 1 < k_names.size() && value >= (unit == 0 ? 1024 : 1023.5); ++unit)
    value /= 1024;
  std::string number = fmt::format("{:.{}f}", value, unit > 0 && value < 99.95 ? 1 : 0);
  if (number.ends_with(".0"))
    number.resize(number.size() - 2);
  return number + " " + std::string(k_names[unit]);
}

Result<milliseconds> parse_duration(std::string_view text) {
  const auto malformed = [&] {
    return fail(ErrorCode::definition, fmt::format("'{}' is not a duration", text),
                "write a number and a unit, like '90s', '2m' or '1h30m'");
  };
  if (text.empty())
    return malformed();
  std::uint64_t total = 0;
  std::size_t next_unit = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::optional<Number> number = take_number(rest);
    if (!number)
      return malformed();
    const std::string_view name =
        rest.substr(0, std::find_if(rest.begin(), rest.end(), is_digit) - rest.begin());
    while (next_unit < k_duration_units.size() && k_duration_units[next_unit].name != name)
      ++next_unit;
    rest.remove_prefix(name.size());
    if (next_unit == k_duration_units.size() || (number->has_fraction() && !rest.empty()))
      return malformed();
    const DurationUnit& unit = k_duration_units[next_unit++];
    const std::optional<std::uint64_t> amount = number->times(unit.in_milliseconds);
    const auto longest = static_cast<std::uint64_t>(k_longest_duration.count());
    if (!amount || *amount > longest || total + *amount > longest)
      return fail(ErrorCode::definition, fmt::format("duration '{}' is too long", text),
                  "a year ('8760h') is the longest");
    total += *amount;
  }
  return milliseconds(total);
}

std::string format_duration(std::chrono::nanoseconds duration) {
  using namespace std::chrono;
  const auto ms = std::max<std::int64_t>(0, round<milliseconds>(duration).count());
  if (ms < 1000)
    return fmt::format("{} ms", ms);
  if (ms < 59'950)
    return fmt::format("{:.1f} s", static_cast<double>(ms) / 1000);
  const std::int64_t s = (ms + 500) / 1000;
  if (s < 3600)
    return fmt::format("{} m {:02} s", s / 60, s % 60);
  return fmt::format("{} h {:02} m", s / 3600, s / 60 % 60);
}

std::string canonical_duration(milliseconds duration) {
  const std::int64_t ms = duration.count();
  if (ms % 1000 != 0)
    return fmt::format("{}ms", ms);
  if (ms % 60'000 != 0 || ms == 0)
    return fmt::format("{}s", ms / 1000);
  const std::int64_t hours = ms / 3'600'000;
  const std::int64_t minutes = ms / 60'000 % 60;
  return (hours > 0 ? fmt::format("{}h", hours) : "")
         + (minutes > 0 ? fmt::format("{}m", minutes) : "");
}

}  // namespace nestbox
