#include "harness/env/own_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "harness/guest/run_in_machine.hpp"

namespace nestbox {
namespace {

/// A line of /proc/net/route: addresses as they lie in memory, in the network's order of bytes.
struct KernelRoute {
  std::string device;
  std::uint32_t destination = 0;
  std::uint32_t mask = 0;
  std::uint32_t metric = 0;
  bool has_gateway = false;
};

std::optional<std::uint32_t> number(const std::string& text, int base) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value)
                                                                  : std::nullopt;
}

std::vector<std::string> words_of(std::string_view line) {
  std::string blanks(line);
  for (char& c : blanks)
    c = c == '\t' ? ' ' : c;
  std::vector<std::string> words = split(blanks, ' ');
  std::erase(words, "");
  return words;
}

std::vector<KernelRoute> read_routes(std::string_view text) {
  std::vector<KernelRoute> routes;
  for (const std::string& line : split(text, '\n')) {
    const std::vector<std::string> words = words_of(line);
    if (words.size() < 8)
      continue;
    const auto destination = number(words[1], 16);
    const auto gateway = number(words[2], 16);
    const auto metric = number(words[6], 10);
    const auto mask = number(words[7], 16);
    if (destination && gateway && metric && mask)
      routes.push_back({words[0], *destination, *mask, *metric, *gateway != 0});
  }
  return routes;
}

/// Of /proc/net/fib_trie: "|-- 192.0.2.7", then "/32 host LOCAL".
std::vector<std::string> read_addresses(std::string_view text) {
  std::vector<std::string> addresses;
  std::string last;
  for (const std::string& line : split(text, '\n')) {
    const std::vector<std::string> words = words_of(line);
    if (words.size() == 2 && words[0] == "|--")
      last = words[1];
    else if (words == std::vector<std::string>{"/32", "host", "LOCAL"} && !last.starts_with("127."))
      addresses.push_back(last);
  }
  return addresses;
}

const KernelRoute* way_out(const std::vector<KernelRoute>& routes) {
  const KernelRoute* best = nullptr;
  for (const KernelRoute& route : routes)
    if (route.destination == 0 && route.mask == 0 && (!best || route.metric < best->metric))
      best = &route;
  return best;
}

}  // namespace

std::optional<std::string> find_own_address(const std::vector<std::string>& known,
                                            std::string_view routes_text,
                                            std::string_view addresses_text) {
  const std::vector<std::string> own = read_addresses(addresses_text);
  // The way out may lead through a translator of addresses, behind which all have the same one.
  const auto told = std::ranges::find_first_of(known, own);
  if (told != known.end())
    return *told;
  const std::vector<KernelRoute> routes = read_routes(routes_text);
  const KernelRoute* out = way_out(routes);
  for (const std::string& address : own) {
    in_addr parsed{};
    if (::inet_pton(AF_INET, address.c_str(), &parsed) != 1)
      continue;
    if (!out)
      return address;
    for (const KernelRoute& route : routes)
      if (route.device == out->device && !route.has_gateway && route.mask != 0
          && (parsed.s_addr & route.mask) == route.destination)
        return address;
  }
  return std::nullopt;
}

std::string own_address(Machine& machine, Deadline deadline, const CancelToken& cancel) {
  const auto content = [&](const char* file) {
    return run_in_machine(machine.transport(), {.argv = {"cat", file}}, deadline, cancel).output;
  };
  const std::optional<std::string> address = find_own_address(
      machine.addresses(), content("/proc/net/route"), content("/proc/net/fib_trie"));
  if (!address)
    throw Error(ErrorCode::infrastructure,
                "machine '" + machine.spec().name + "' has no address on a network");
  return *address;
}

}  // namespace nestbox
