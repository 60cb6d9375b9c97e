#pragma once

#include <poll.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/scope.hpp"
#include "harness/guest/agent_protocol.hpp"

namespace nestbox {

/// The calls that programs in one machine make to the host: carries bytes between the frames of
/// each and a socket whose other end is its handler's. Used under its AgentLink's mutex; never
/// blocks.
class AgentCalls {
public:
  using Send = std::function<void(FrameType, std::uint32_t stream, std::string_view payload)>;
  explicit AgentCalls(Send send) : m_send(std::move(send)) {}

  /// Takes a frame of a stream that the machine opened. False when it is against the protocol.
  bool receive(const Frame& frame);

  /// The handlers' ends of the calls that came since this was asked last. Dropping one refuses it.
  std::vector<FileDescriptor> take_new() { return std::exchange(m_new, {}); }

  /// Adds what to wait for, for `serve` to be given after poll(2).
  void watch(std::vector<pollfd>& polled);
  void serve(const pollfd* polled, std::size_t count);

  /// Ends all.
  void clear();

private:
  struct Call {
    FileDescriptor socket;
    std::string pending{};                    ///< from the machine, for the handler
    std::size_t allowance = k_output_window;  ///< what the machine may still send
    std::uint32_t consumed = 0;               ///< of that, not yet given back as credit
    std::uint32_t credit = k_input_window;    ///< what we may still send
    bool machine_ended = false;
    bool handler_ended = false;
    bool deaf = false;  ///< the handler takes no more

    bool over() const { return machine_ended && handler_ended && pending.empty(); }
  };

  bool open(std::uint32_t stream);
  bool receive(std::uint32_t stream, Call& call, const Frame& frame);
  void serve(std::uint32_t stream, Call& call, short events);
  void write_pending(std::uint32_t stream, Call& call);
  void read_socket(std::uint32_t stream, Call& call);

  Send m_send;
  std::map<std::uint32_t, Call> m_calls;
  std::vector<FileDescriptor> m_new;
  std::vector<std::uint32_t> m_watched;  ///< whom the entries that `watch` added belong to
};

}  // namespace nestbox
