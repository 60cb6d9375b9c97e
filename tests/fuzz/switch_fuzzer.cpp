// Three machines that send anything into a switch, in any pieces. Whatever comes out is whole
// frames, the machines are told apart, and a copy of the switch knows what the switch knew.
#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "harness/base/log.hpp"
#include "harness/base/socket_pair.hpp"
#include "harness/net/switch_fabric.hpp"

namespace {

using namespace nestbox;

constexpr std::size_t k_machines = 3;

void require(bool condition) {
  if (!condition)
    std::abort();
}

struct Machine {
  SocketPair link;
  std::string received = {};

  void send(std::string_view bytes) const {
    // A machine that was cut off, or sends more than its socket takes, sends nothing.
    [[maybe_unused]] const ssize_t ignored =
        ::send(link.theirs.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  void receive() {
    std::array<char, 65536> piece{};
    ssize_t got = 0;
    while ((got = ::recv(link.theirs.get(), piece.data(), piece.size(), MSG_DONTWAIT)) > 0)
      received.append(piece.data(), static_cast<std::size_t>(got));
  }
  void require_frames() const {
    FrameSplitter splitter(received);
    while (splitter.next()) {
    }
    require(!splitter.malformed());
  }
};

void quiet(LogLevel, std::string_view) {}

// Two bytes choose machine, impairment and time; two more the length of the piece that follows.
void run(std::string_view bytes) {
  SwitchFabric fabric("net", 1);
  std::array<Machine, k_machines> machines;
  for (std::size_t i = 0; i < k_machines; ++i) {
    ::fcntl(machines[i].link.ours.get(), F_SETFL, O_NONBLOCK);
    fabric.plug(std::to_string(i), std::move(machines[i].link.ours));
  }
  SwitchTime now{};
  while (bytes.size() >= 4) {
    const auto choice = static_cast<unsigned char>(bytes[0]);
    const auto wrong = static_cast<unsigned char>(bytes[1]);
    const std::size_t size = std::min<std::size_t>(static_cast<unsigned char>(bytes[2]) << 8
                                                       | static_cast<unsigned char>(bytes[3]),
                                                   bytes.size() - 4);
    const LinkIndex link = choice % k_machines;
    now += std::chrono::milliseconds(choice >> 4);
    fabric.advance(now);
    if (wrong & 1)
      fabric.set_impairment(link,
                            {.latency = std::chrono::milliseconds(wrong >> 4),
                             .jitter = std::chrono::milliseconds(wrong >> 5),
                             .loss = wrong & 2 ? 0.3 : 0,
                             .duplication = wrong & 4 ? 0.3 : 0,
                             .rate = wrong & 8 ? std::uint64_t{1'000'000} : 0},
                            now);
    if (wrong == 128)
      fabric.partition({{link}});
    machines[link].send(bytes.substr(4, size));
    fabric.receive(link, now);
    machines[(link + 1) % k_machines].receive();
    bytes.remove_prefix(4 + size);
  }
  const SwitchState state = fabric.state(now);
  const SwitchState read_back = decode_switch_state(encode(state));
  require(read_back == state);
  SwitchFabric copy("net", 1);
  copy.restore(read_back, now);
  require(copy.state(now) == state);
  fabric.advance(now + std::chrono::hours(2));
  for (std::size_t i = 0; i < k_machines; ++i) {
    machines[i].receive();
    machines[i].require_frames();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  set_log_sink(quiet);
  run({reinterpret_cast<const char*>(data), size});
  return 0;
}
