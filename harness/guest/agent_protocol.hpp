#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/guest/frame.hpp"

/// The messages of the agent protocol: plain values and their canonical bytes. `encode` gives a
/// payload; `decode_…` gives nothing for bytes that are not exactly one such message. Shared by
/// host and agent.
namespace nestbox {

constexpr std::uint32_t k_protocol_version = 2;

/// Bytes that may be under way on one stream before credit comes: from the agent, and to it.
constexpr std::uint32_t k_output_window = 256 * 1024;
constexpr std::uint32_t k_input_window = 1024 * 1024;
/// A message longer than a frame (a run with a large environment) is refused beyond this.
constexpr std::size_t k_max_message = 2 * 1024 * 1024;

/// The machine numbers the streams that it opens, one for each call to the host, from here on.
constexpr std::uint32_t k_first_call_stream = 0x80000000;
/// Calls at one time.
constexpr std::size_t k_max_calls = 64;

using Nonce = std::array<char, 16>;

/// Begins a session; the agent answers with the same nonce and says what it is. An agent that has
/// just started says hello by itself with a nonce of zeros.
struct HelloMessage {
  std::uint32_t protocol = k_protocol_version;
  Nonce nonce{};
  std::string agent_version;   ///< empty from the host
  std::string kernel_release;  ///< likewise
  bool operator==(const HelloMessage&) const = default;
};

struct RunMessage {
  struct Terminal {
    std::uint16_t rows = 0;
    std::uint16_t columns = 0;
    bool operator==(const Terminal&) const = default;
  };
  std::vector<std::string> argv;
  std::vector<std::string> environment;  ///< NAME=value, added to the agent's default
  std::string working_directory;         ///< empty: "/"
  bool input = false;                    ///< input frames will come; else stdin is empty
  std::optional<Terminal> terminal;
  bool leaves_running = false;  ///< what is left when it ends by itself is not killed
  bool operator==(const RunMessage&) const = default;
};

struct ExitMessage {
  std::int32_t code = 0;
  std::int32_t signal = 0;
  std::uint32_t oom_kills = 0;
  bool operator==(const ExitMessage&) const = default;
};

/// As vm/transport.hpp's Identity has it. Fits into one frame.
struct ThawMessage {
  struct Route {
    std::string destination;
    std::string gateway;
    bool operator==(const Route&) const = default;
  };
  struct Interface {
    std::string mac{};
    std::vector<std::string> addresses{};
    std::uint32_t mtu = 0;
    std::vector<Route> routes{};
    bool operator==(const Interface&) const = default;
  };
  std::string hostname;
  std::string machine_id;
  std::string entropy;
  std::int64_t realtime = 0;  ///< nanoseconds since the epoch
  std::vector<Interface> interfaces{};
  std::vector<std::string> hosts{};
  bool operator==(const ThawMessage&) const = default;
};

struct ErrorMessage {
  enum class Kind : std::uint8_t {
    failed = 1,   ///< the machine's kernel refused
    invalid = 2,  ///< the request makes no sense
  };
  Kind kind = Kind::failed;
  std::string text;
  bool operator==(const ErrorMessage&) const = default;
};

std::string encode(const HelloMessage& message);
std::string encode(const RunMessage& message);
std::string encode(const ExitMessage& message);
std::string encode(const ThawMessage& message);
std::string encode(const ErrorMessage& message);
std::string encode_resize(RunMessage::Terminal size);
std::string encode_credit(std::uint32_t bytes);

std::optional<HelloMessage> decode_hello(std::string_view payload);
std::optional<RunMessage> decode_run(std::string_view payload);
std::optional<ExitMessage> decode_exit(std::string_view payload);
std::optional<ThawMessage> decode_thaw(std::string_view payload);
std::optional<ErrorMessage> decode_error(std::string_view payload);
std::optional<RunMessage::Terminal> decode_resize(std::string_view payload);
std::optional<std::uint32_t> decode_credit(std::string_view payload);

}  // namespace nestbox
