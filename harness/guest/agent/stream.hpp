#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <string_view>

#include "harness/guest/agent/oom_counter.hpp"
#include "harness/guest/agent/outbox.hpp"
#include "harness/guest/agent/process_trees.hpp"
#include "harness/guest/agent/watcher.hpp"
#include "harness/guest/agent_protocol.hpp"

namespace nestbox::agent {

/// What all streams of a session share.
struct Session {
  Outbox outbox;
  Watcher sources;  ///< descriptors that make output; not waited for while the outbox is full
  ProcessTrees& trees;
  OomCounter& ooms;
  /// Where a stream puts a payload together before it sends it; anyone's from one call to the next.
  std::array<char, k_max_payload> payload{};
};

/// One request of the host that lasts: a command, or a tree on its way. Dropping it ends what it
/// started.
class Stream {
public:
  Stream(Session& session, std::uint32_t id) : m_session(session), m_id(id) {}
  virtual ~Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  virtual void receive(const Frame& frame) = 0;
  /// One of the descriptors watched with `tag(which)` is ready.
  virtual void ready([[maybe_unused]] unsigned which) {}
  /// A child of the agent ended; true when it was this stream's.
  virtual bool reaped([[maybe_unused]] pid_t pid, [[maybe_unused]] int status) { return false; }
  /// Makes some output when there is credit and room; true when there is more to make at once.
  virtual bool pump() { return false; }

  bool finished() const noexcept { return m_finished; }

protected:
  std::uint64_t tag(unsigned which) const { return (std::uint64_t{m_id} << 8) | which; }
  void send(FrameType type, std::string_view payload) { m_session.outbox.add(type, m_id, payload); }
  void finish(FrameType type, std::string_view payload) {
    send(type, payload);
    m_finished = true;
  }
  void fail(ErrorMessage::Kind kind, std::string text) {
    finish(FrameType::error, encode(ErrorMessage{kind, std::move(text)}));
  }
  /// The peer's bytes were used up; gives credit back in large parts.
  void grant(std::size_t consumed) {
    m_consumed += static_cast<std::uint32_t>(consumed);
    if (m_consumed >= k_input_window / 4) {
      send(FrameType::credit, encode_credit(m_consumed));
      m_consumed = 0;
    }
  }

  Session& m_session;
  const std::uint32_t m_id;

private:
  std::uint32_t m_consumed = 0;
  bool m_finished = false;
};

}  // namespace nestbox::agent
