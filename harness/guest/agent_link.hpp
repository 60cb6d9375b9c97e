#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "harness/base/clock.hpp"
#include "harness/base/error.hpp"
#include "harness/base/scope.hpp"
#include "harness/guest/agent_calls.hpp"
#include "harness/guest/agent_protocol.hpp"

namespace nestbox {

/// One request's end of an AgentLink: what comes for it waits here, bounded by the protocol's
/// window. Used by one thread. Dropped before its answer came, it tells the agent to end what it
/// began.
class AgentStream {
public:
  struct Message {
    FrameType type{};
    std::string payload;
  };

  explicit AgentStream(class AgentLink& link);
  AgentStream(const AgentStream&) = delete;
  AgentStream& operator=(const AgentStream&) = delete;
  ~AgentStream();

  /// Never blocks. A message longer than a frame is cut into several.
  void send(FrameType type, std::string_view payload = {});

  /// Tells the agent to end what it began. False when its answer has come already. Any thread.
  bool end();

  /// Bytes of output or tree were used up: gives the agent credit back, in large parts.
  void consumed(std::size_t bytes);

  /// Readable while `take` has something to say; for poll(2).
  int event() const noexcept { return m_event.get(); }
  /// The next message, if one waits. Throws the link's error once nothing does.
  std::optional<Message> take();
  /// Blocks for the next message. Error(timeout), Error(cancelled), or the link's.
  Message receive(Deadline deadline, const CancelToken& cancel = {});

private:
  friend class AgentLink;
  AgentLink& m_link;
  const FileDescriptor m_event;
  std::uint32_t m_id = 0;
  std::uint32_t m_consumed = 0;
  // All below are guarded by the link's mutex.
  std::deque<Message> m_inbox;
  std::size_t m_control_messages = 0;
  std::size_t m_allowance = k_output_window;  ///< what the agent may still send
  bool m_answered = false;
};

/// The connection to one agent: says hello, then carries the frames of many streams at once. One
/// thread of its own reads, and writes what the socket did not take at once.
class AgentLink {
public:
  explicit AgentLink(FileDescriptor socket);
  AgentLink(const AgentLink&) = delete;
  AgentLink& operator=(const AgentLink&) = delete;
  ~AgentLink();

  /// The agent has ended the session (quiesce); the next stream begins another.
  void session_ended();

  /// As Transport::on_call.
  void on_call(std::function<void(FileDescriptor)> handler);

private:
  friend class AgentStream;
  // All of these but hand_over_calls() and work() want m_mutex held.
  void begin_session();
  void send(FrameType type, std::uint32_t stream, std::string_view payload);
  void write(std::string_view bytes);
  void fail(Error error);
  void dispatch(const Frame& frame);
  void greet(std::string_view payload);
  void read_socket();
  void write_backlog();
  void hand_over_calls();
  void work();

  enum class Session { none, greeted, established };

  const FileDescriptor m_socket;
  const FileDescriptor m_wake;
  std::mutex m_mutex;
  Session m_session = Session::none;
  Nonce m_nonce{};
  std::uint32_t m_next_id = 1;
  std::map<std::uint32_t, AgentStream*> m_streams;
  std::string m_backlog;
  std::optional<Error> m_failure;
  bool m_stop = false;
  FrameDecoder m_decoder;
  AgentCalls m_calls;
  std::mutex m_handler_mutex;  ///< held while the handler is called; taken before m_mutex
  std::function<void(FileDescriptor)> m_on_call;
  std::thread m_thread;
};

}  // namespace nestbox
