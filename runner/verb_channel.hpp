#pragma once

#include <mutex>
#include <optional>
#include <string_view>
#include <thread>

#include "harness/base/clock.hpp"
#include "harness/base/scope.hpp"
#include "harness/base/socket_pair.hpp"
#include "harness/guest/verb_protocol.hpp"
#include "harness/vm/transport.hpp"

namespace nestbox {

/// The host's end of one program's call (guest/verb_protocol.hpp). Accepted first; then input and
/// the caller's going away are heard on a thread of its own.
class VerbChannel {
public:
  VerbChannel(FileDescriptor connection, const CancelToken& parent);
  VerbChannel(const VerbChannel&) = delete;
  VerbChannel& operator=(const VerbChannel&) = delete;
  ~VerbChannel();

  /// Blocks until the call has come; once, before all others. Error(corrupt) for anything else,
  /// Error(timeout), Error(cancelled) when the caller is gone or the parent was cancelled.
  VerbCall accept(Deadline deadline);

  /// Where the caller's input can be read to its end; -1: it has none.
  int input() const { return m_input ? m_input->theirs.get() : -1; }

  /// Cancelled when the caller goes away or breaks the protocol, and with the parent.
  CancelToken token() const { return m_gone.token(); }

  /// Blocks while the caller does not read; nothing is written any more once it is gone. Any
  /// thread, one call at a time.
  void write(OutputStream stream, std::string_view bytes);
  void exit(std::uint8_t code);

private:
  std::optional<VerbMessage> read_message(Deadline deadline);
  bool read_some(Deadline deadline);
  void listen();
  bool pass_on_input();
  bool wait_for_more();
  bool pass_on(std::string_view bytes);
  void send(std::string_view frames);

  FileDescriptor m_connection;
  CancelSource m_gone;
  VerbDecoder m_decoder{VerbDecoder::Sender::caller};
  std::optional<SocketPair> m_input;
  CancelSource m_done;
  std::thread m_listener;
};

}  // namespace nestbox
