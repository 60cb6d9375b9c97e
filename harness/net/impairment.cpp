#include "harness/net/impairment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <vector>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"

namespace nestbox {

namespace {

using std::chrono::nanoseconds;

constexpr nanoseconds k_longest_latency = std::chrono::hours(1);
constexpr std::uint64_t k_slowest_rate = 1000;
constexpr std::uint64_t k_fastest_rate = 1'000'000'000'000;
constexpr std::size_t k_smallest_mtu = 68;  // RFC 791: what every IPv4 module must forward
constexpr std::size_t k_largest_mtu = 65535;

struct Unit {
  std::string_view name;
  double size;
};
constexpr std::array<Unit, 4> k_times = {{{"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}}};
constexpr std::array<Unit, 4> k_rates = {{{"gbit", 1e9}, {"mbit", 1e6}, {"kbit", 1e3}, {"bit", 1}}};
constexpr std::array<Unit, 1> k_shares = {{{"%", 1}}};
constexpr std::array<Unit, 1> k_plain = {{{"", 1}}};

// "1.5ms" is 1.5e6 by k_times; nothing when it is no number with one of the units.
template <std::size_t N>
std::optional<double> parse_quantity(std::string_view text, const std::array<Unit, N>& units) {
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(number) || std::signbit(number))
    return std::nullopt;
  const std::string_view name(stop, static_cast<std::size_t>(end - stop));
  for (const Unit& unit : units)
    if (unit.name == name)
      return number * unit.size;
  return std::nullopt;
}

// In the largest unit that needs no fraction.
template <std::size_t N>
std::string print_quantity(std::uint64_t amount, const std::array<Unit, N>& units) {
  for (const Unit& unit : units) {
    const auto size = static_cast<std::uint64_t>(unit.size);
    if (amount % size == 0)
      return fmt::format("{}{}", amount / size, unit.name);
  }
  return {};
}

// The percentage with the fewest digits that is read back as `share`: a hundred times 0.07 is not
// quite 7.
std::string print_share(double share) {
  const double middle = share * 100;
  std::string best;
  for (const double percent : {middle, std::nextafter(middle, 0), std::nextafter(middle, 200)}) {
    std::array<char, 400> digits{};
    const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), percent,
                                       std::chars_format::fixed);
    const std::string text(digits.data(), written.ptr);
    if (best.empty() || (percent / 100 == share && text.size() < best.size()))
      best = text;
  }
  return best + "%";
}

const std::vector<std::string> k_words = {"latency", "jitter", "loss", "duplicate", "reorder",
                                          "rate",    "mtu",    "down", "none"};

[[noreturn]] void refuse(std::string_view word, std::string_view what, std::string hint) {
  throw Error(ErrorCode::usage, fmt::format("'{}' {}", word, what), std::move(hint));
}

// Any amount that `validate` will refuse for being too much stays too much.
std::uint64_t whole(double amount) {
  return static_cast<std::uint64_t>(std::llround(std::min(amount, 1e18)));
}

void read_value(Impairment& impairment, std::string_view word, std::string_view key,
                std::string_view value) {
  const auto time = [&] {
    const auto amount = parse_quantity(value, k_times);
    if (!amount)
      refuse(word, "is not a duration", fmt::format("write '{}=20ms'; units: ns us ms s", key));
    return nanoseconds(whole(*amount));
  };
  const auto share = [&] {
    const auto amount = parse_quantity(value, k_shares);
    if (!amount)
      refuse(word, "is not a percentage", fmt::format("write '{}=10%'", key));
    return *amount / 100;
  };
  if (key == "latency") {
    impairment.latency = time();
  } else if (key == "jitter") {
    impairment.jitter = time();
  } else if (key == "loss") {
    impairment.loss = share();
  } else if (key == "duplicate") {
    impairment.duplication = share();
  } else if (key == "reorder") {
    impairment.reordering = share();
  } else if (key == "rate") {
    const auto amount = parse_quantity(value, k_rates);
    if (!amount || whole(*amount) == 0)
      refuse(word, "is not a rate", "write 'rate=10mbit'; units: bit kbit mbit gbit (a second)");
    impairment.rate = whole(*amount);
  } else {
    const auto amount = parse_quantity(value, k_plain);
    if (!amount || *amount != std::floor(*amount) || *amount == 0)
      refuse(word, "is not a number of bytes", "write 'mtu=1400'");
    impairment.mtu = whole(*amount);
  }
}

}  // namespace

void validate(const Impairment& impairment) {
  const auto check_time = [](const char* name, nanoseconds time) {
    if (time < nanoseconds::zero() || time > k_longest_latency)
      throw Error(ErrorCode::usage, fmt::format("{} is out of its bounds", name),
                  "it may be 0 to 3600s");
  };
  const auto check_share = [](const char* name, double share) {
    if (!(share >= 0 && share <= 1))
      throw Error(ErrorCode::usage, fmt::format("{} is out of its bounds", name),
                  "it may be 0% to 100%");
  };
  check_time("latency", impairment.latency);
  check_time("jitter", impairment.jitter);
  check_share("loss", impairment.loss);
  check_share("duplication", impairment.duplication);
  check_share("reordering", impairment.reordering);
  if (impairment.rate != 0
      && (impairment.rate < k_slowest_rate || impairment.rate > k_fastest_rate))
    throw Error(ErrorCode::usage, "rate is out of its bounds", "it may be 1kbit to 1000gbit");
  if (impairment.mtu != 0 && (impairment.mtu < k_smallest_mtu || impairment.mtu > k_largest_mtu))
    throw Error(ErrorCode::usage, "mtu is out of its bounds", "it may be 68 to 65535");
  if (impairment.reordering > 0 && impairment.latency + impairment.jitter == nanoseconds::zero())
    throw Error(ErrorCode::usage, "reordering needs a latency, for there is nothing to overtake",
                "write 'latency=10ms reorder=5%'");
}

Impairment parse_impairment(std::string_view text) {
  Impairment impairment;
  std::vector<std::string> seen;
  for (const std::string& word : split(text, ' ')) {
    if (word.empty())
      continue;
    const std::size_t equals = word.find('=');
    const std::string key = word.substr(0, equals);
    if (std::find(k_words.begin(), k_words.end(), key) == k_words.end())
      refuse(key, "is no impairment",
             did_you_mean(key, k_words).empty() ? "there are: " + join(k_words, ", ")
                                                : did_you_mean(key, k_words));
    if (std::find(seen.begin(), seen.end(), key) != seen.end())
      refuse(key, "is given twice", "");
    seen.push_back(key);
    const bool alone = key == "down" || key == "none";
    if (alone && equals != word.npos)
      refuse(key, "takes no value", "");
    if (!alone && equals == word.npos)
      refuse(key, "needs a value", "like 'latency=20ms', 'loss=10%', 'rate=10mbit', 'mtu=1400'");
    if (key == "down")
      impairment.down = true;
    else if (!alone)
      read_value(impairment, word, key, std::string_view(word).substr(equals + 1));
  }
  if (seen.empty())
    throw Error(ErrorCode::usage, "no impairment is given",
                "like 'latency=20ms loss=10%'; 'none' takes all away");
  if (seen.size() > 1 && std::find(seen.begin(), seen.end(), "none") != seen.end())
    throw Error(ErrorCode::usage, "'none' stands alone");
  validate(impairment);
  return impairment;
}

std::string to_string(const Impairment& impairment) {
  std::vector<std::string> words;
  const auto time = [&](const char* key, nanoseconds value) {
    if (value != nanoseconds::zero())
      words.push_back(key + print_quantity(static_cast<std::uint64_t>(value.count()), k_times));
  };
  const auto share = [&](const char* key, double value) {
    if (value != 0)
      words.push_back(key + print_share(value));
  };
  if (impairment.down)
    words.emplace_back("down");
  time("latency=", impairment.latency);
  time("jitter=", impairment.jitter);
  share("loss=", impairment.loss);
  share("duplicate=", impairment.duplication);
  share("reorder=", impairment.reordering);
  if (impairment.rate != 0)
    words.push_back("rate=" + print_quantity(impairment.rate, k_rates));
  if (impairment.mtu != 0)
    words.push_back(fmt::format("mtu={}", impairment.mtu));
  return words.empty() ? "none" : join(words, " ");
}

}  // namespace nestbox
