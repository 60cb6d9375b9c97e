#include "runner/docker_machine/published_ports.hpp"

#include <fmt/format.h>

#include "harness/base/error.hpp"
#include "harness/base/log.hpp"
#include "harness/base/text.hpp"
#include "harness/guest/listening_ports.hpp"

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

}  // namespace

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
