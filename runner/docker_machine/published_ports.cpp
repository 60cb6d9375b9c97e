#include "runner/docker_machine/published_ports.hpp"

#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "harness/base/error.hpp"
#include "harness/base/log.hpp"
#include "harness/base/text.hpp"
#include "harness/model/ip_address.hpp"

namespace nestbox {
namespace {

/// Tells what listens, and again whenever that has changed, each time with a line "." behind it. A
/// socket is in the tables some instructions after the kernel has said that it listens, and long
/// before `grep` has started. 10 is TCP_LISTEN; 0A in the tables.
constexpr const char* k_watch_script = R"(set -e
tracing=/sys/kernel/tracing
test -d $tracing/instances || mount -t tracefs tracefs $tracing
mkdir -p $tracing/instances/nestbox
cd $tracing/instances/nestbox
echo 'newstate == 10 || oldstate == 10' > events/sock/inet_sock_set_state/filter
echo 1 > events/sock/inet_sock_set_state/enable
exec < trace_pipe
tell() { grep -hs ' 0A 0' /proc/net/tcp /proc/net/tcp6 || :; echo .; }
tell
while read -r event; do tell; done
)";
constexpr std::string_view k_end = ".\n";
constexpr std::size_t k_longest = 1024 * 1024;
/// Each has a socket and a thread here.
constexpr std::size_t k_most_ports = 256;

template <class Number>
std::optional<Number> hex(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number)
                                                                  : std::nullopt;
}

/// As the tables write it: 127.0.0.1 is 0100007F.
std::string in_tables(const std::string& address) {
  const IpAddress parsed = parse_ip_address(address).value();
  return fmt::format("{:02X}{:02X}{:02X}{:02X}", parsed.bytes[3], parsed.bytes[2], parsed.bytes[1],
                     parsed.bytes[0]);
}

}  // namespace

std::set<int> listening_ports(std::string_view tables, const std::string& own_address) {
  constexpr std::string_view k_mapped = "0000000000000000FFFF0000";
  constexpr std::string_view k_any = "00000000";
  const std::string own = in_tables(own_address);
  std::set<int> ports;
  for (const std::string& line : split(tables, '\n')) {
    std::vector<std::string> words;
    for (const std::string& word : split(line, ' '))
      if (!word.empty())
        words.push_back(word);
    if (words.size() < 4 || words[3] != "0A")
      continue;
    const std::size_t colon = words[1].find(':');
    std::string_view address = std::string_view(words[1]).substr(0, colon);
    if (address.starts_with(k_mapped))
      address.remove_prefix(k_mapped.size());
    const bool any = address == k_any || address == std::string(32, '0');
    const auto port = hex<std::uint16_t>(std::string_view(words[1]).substr(colon + 1));
    if (port && *port != 0 && (any || address == own))
      ports.insert(*port);
  }
  return ports;
}

PublishedPorts::PublishedPorts(Machine& machine, Addresses addresses, std::set<int> others,
                               Deadline deadline, const CancelToken& cancel)
    : m_machine(machine), m_addresses(std::move(addresses)), m_others(std::move(others)),
      m_thread([this] { watch(); }) {
  static_cast<void>(wait_readable(m_published.token().descriptor(), deadline, cancel));
}

PublishedPorts::~PublishedPorts() {
  m_stop.cancel();
  m_thread.join();
}

/// The life of our thread.
void PublishedPorts::watch() {
  std::string complaints;
  const CommandIo io = {.output = [&](OutputStream stream, std::string_view bytes) {
    if (stream == OutputStream::standard_output)
      read(bytes);
    else
      complaints += bytes.substr(0, k_longest - complaints.size());
  }};
  const Result<CommandResult> ended = catch_error([&] {
    return m_machine.transport().run({.argv = {"/bin/sh", "-c", k_watch_script}}, io,
                                     Deadline::never(), m_stop.token());
  });
  const bool machine_ended = !ended && ended.error().code == ErrorCode::lost;
  if (!m_stop.token().cancelled() && !machine_ended)
    log(LogLevel::warning, "ports on which programs in the machine begin to listen are not "
                           "published: "
                               + (ended ? printable(trim(complaints)) : ended.error().message));
  m_published.cancel();
}

void PublishedPorts::read(std::string_view bytes) {
  m_unread += bytes;
  for (std::size_t end; (end = m_unread.find(k_end)) != std::string::npos;) {
    publish(listening_ports(std::string_view(m_unread).substr(0, end), m_addresses.in_machine));
    m_unread.erase(0, end + k_end.size());
    m_published.cancel();
  }
  if (m_unread.size() > k_longest)
    m_stop.cancel();
}

void PublishedPorts::publish(const std::set<int>& ports) {
  m_closed.remove_if([](const auto& forwarding) { return forwarding->done(); });
  for (auto& [port, forwarding] : m_open)
    if (forwarding && !ports.contains(port)) {
      forwarding->stop_listening();
      m_closed.push_back(std::move(forwarding));
    }
  std::erase_if(m_open, [&](const auto& entry) { return !ports.contains(entry.first); });
  for (const int port : ports)
    if (!m_others.contains(port) && !m_open.contains(port))
      open(port);
}

void PublishedPorts::open(int port) {
  std::unique_ptr<Forwarding>& forwarding = m_open[port];
  const Result<void> opened = catch_error([&] {
    if (m_open.size() + m_closed.size() > k_most_ports)
      throw Error(ErrorCode::infrastructure, "as many as can be are open already");
    forwarding = std::make_unique<Forwarding>(
        m_machine, connection_to(m_addresses.in_machine, port), m_addresses.on_host, port);
  });
  if (!opened)
    log(LogLevel::warning, fmt::format("port {} of the machine is not reachable at {}: {}", port,
                                       m_addresses.on_host, opened.error().message));
}

}  // namespace nestbox
