#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <thread>

#include "benchmarks/measures.hpp"
#include "benchmarks/sample.hpp"
#include "harness/base/clock.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/scope.hpp"
#include "harness/base/text.hpp"
#include "harness/net/frame.hpp"
#include "harness/net/virtual_switch.hpp"

namespace nestbox::bench {

namespace {

using namespace std::chrono_literals;

constexpr MacAddress k_a = {{2, 0, 0, 0, 0, 1}};
constexpr MacAddress k_b = {{2, 0, 0, 0, 0, 2}};
constexpr MacAddress k_all = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

std::string frame(const MacAddress& to, const MacAddress& from, std::size_t size) {
  std::string bytes(size, '\0');
  std::copy(to.bytes.begin(), to.bytes.end(), bytes.begin());
  std::copy(from.bytes.begin(), from.bytes.end(), bytes.begin() + sizeof to);
  return frame_in_stream(bytes);
}

void send_all(const FileDescriptor& socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0)
      throw system_error("cannot send to the switch", errno);
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

/// What has come, once something has; good until the next call.
std::string_view receive_some(const FileDescriptor& socket) {
  static thread_local std::vector<char> buffer(256 * 1024);
  if (wait_readable(socket.get(), Deadline::after(30s)) != Wait::ready)
    throw Error(ErrorCode::timeout, "the switch passes no frames");
  const ssize_t got = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
  if (got <= 0)
    throw Error(ErrorCode::lost, "the switch has ended the link");
  return {buffer.data(), static_cast<std::size_t>(got)};
}

/// So many bytes and not one more are to come.
void receive(const FileDescriptor& socket, std::size_t bytes) {
  while (bytes > 0)
    bytes -= receive_some(socket).size();
}

/// Two machines on one switch, which knows them both.
struct Pair {
  Pair() : network({"bench", 1}), a(network.plug("a")), b(network.plug("b")) {
    const std::string hello = frame(k_a, k_b, 60);
    send_all(b, hello);
    receive(a, hello.size());
  }

  VirtualSwitch network;
  FileDescriptor a;
  FileDescriptor b;
};

/// What one machine gets of what another sends; none is lost, for the sender stays less ahead than
/// what may wait for a machine.
double frames_per_second() {
  constexpr std::size_t k_bursts = 3000;
  constexpr std::size_t k_frames_a_burst = 100;
  constexpr std::size_t k_bursts_ahead = 6;
  Pair pair;
  std::string burst;
  for (std::size_t i = 0; i < k_frames_a_burst; ++i)
    burst += frame(k_b, k_a, 1500);
  std::atomic<std::size_t> received = 0;
  const Stopwatch stopwatch;
  std::thread sender([&] {
    for (std::size_t sent = 0; sent < k_bursts; ++sent) {
      for (std::size_t seen = received; sent - seen >= k_bursts_ahead; seen = received)
        received.wait(seen);
      send_all(pair.a, burst);
    }
  });
  std::size_t bytes = 0;
  while (bytes < k_bursts * burst.size()) {
    bytes += receive_some(pair.b).size();
    received = bytes / burst.size();
    received.notify_one();
  }
  const double milliseconds = stopwatch.milliseconds();
  sender.join();
  return k_bursts * k_frames_a_burst / milliseconds * 1000;
}

double resident_megabytes() {
  const std::vector<std::string> pages = split(read_file("/proc/self/statm"), ' ');
  return std::stod(pages.at(1)) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

/// How much a switch grows that holds all it can: stations and delayed frames on every link, and on
/// each a frame that never ends.
double full_switch_megabytes() {
  constexpr std::size_t k_links = 128;
  const double before = resident_megabytes();
  VirtualSwitch network({"bench", 1});
  std::vector<FileDescriptor> machines;
  for (std::size_t link = 0; link < k_links; ++link) {
    machines.push_back(network.plug(std::to_string(link)));
    std::string stations;
    for (std::size_t i = 0; i < 600; ++i)
      stations += frame(k_a,
                        {{2, 0, 0, static_cast<std::uint8_t>(link),
                          static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)}},
                        60);
    network.set_impairment(std::to_string(link), {.mtu = 1500});
    send_all(machines[link], stations);
  }
  for (std::size_t link = 0; link < k_links; ++link) {
    network.set_impairment(std::to_string(link), {.latency = 1h});
    for (int i = 0; i < 40; ++i)
      send_all(machines[link], frame(k_all, k_a, 1500 + 1000 * (i % 8)));
    send_all(machines[link], frame(k_all, k_a, k_largest_frame).substr(0, k_largest_frame - 1));
  }
  // Each call lets the switch take in more, until it has all.
  const auto taken_in = [&] {
    std::uint64_t frames = 0;
    for (const auto& [link, counters] : network.counters())
      frames += counters.frames_in;
    return frames;
  };
  while (taken_in() < k_links * 640) {
  }
  return resident_megabytes() - before;
}

double one_way(Pair& pair) {
  const std::string sent = frame(k_b, k_a, 100);
  const Stopwatch stopwatch;
  send_all(pair.a, sent);
  receive(pair.b, sent.size());
  return stopwatch.milliseconds();
}

/// How many frames come before one of `last` bytes.
std::size_t frames_until(const FileDescriptor& socket, std::size_t last) {
  std::size_t frames = 0;
  for (std::string bytes; true;) {
    bytes += receive_some(socket);
    FrameSplitter splitter(bytes);
    while (const auto next = splitter.next()) {
      if (next->size() == last)
        return frames;
      ++frames;
    }
    bytes = std::string(splitter.rest());
  }
}

/// Percent of 10,000 frames, as the machine that gets the others counts them.
double lost_of_ten_percent() {
  constexpr std::size_t k_parts = 10;
  constexpr std::size_t k_frames_a_part = 1000;
  constexpr std::size_t k_last = 60;
  Pair pair;
  std::size_t received = 0;
  // Each part has room on its way, so that none is lost for another reason.
  for (std::size_t part = 1; part <= k_parts; ++part) {
    pair.network.set_impairment("a", {.loss = 0.1});
    for (std::size_t i = 0; i < k_frames_a_part; ++i)
      send_all(pair.a, frame(k_b, k_a, 100));
    while (pair.network.counters().at("a").frames_in < part * k_frames_a_part + part - 1) {
    }
    pair.network.set_impairment("a", {});
    send_all(pair.a, frame(k_b, k_a, k_last));
    received += frames_until(pair.b, k_last);
  }
  return 100.0 * (1 - static_cast<double>(received) / (k_parts * k_frames_a_part));
}

void measure(Lab&, std::vector<Row>& rows) {
  rows[0].value = interleaved_medians({frames_per_second}, 5)[0];
  rows[1].value = full_switch_megabytes();

  Pair plain;
  Pair slow;
  slow.network.set_impairment("a", {.latency = 20ms});
  const auto medians =
      interleaved_medians({[&] { return one_way(plain); }, [&] { return one_way(slow); }}, 50, 5);
  rows[2].value = medians[1] - medians[0];
  rows[2].parts = {{"without ms", medians[0]}, {"with ms", medians[1]}};

  rows[3].value = lost_of_ten_percent();
}

}  // namespace

Group network_switch() {
  return {"switch",
          {{"switch_frames_per_second", "1/s", at_least(200'000)},
           {"switch_memory", "MB", at_most(50)},
           {"switch_latency_20ms", "ms", within(20, 2)},
           {"switch_loss_10_percent", "%", within(10, 1)}},
          measure};
}

}  // namespace nestbox::bench
