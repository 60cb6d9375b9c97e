#pragma once

#include <optional>
#include <string_view>
#include <thread>

#include "harness/base/clock.hpp"
#include "harness/base/pipe.hpp"
#include "harness/base/scope.hpp"
#include "harness/guest/verb_protocol.hpp"
#include "harness/vm/transport.hpp"

namespace nestbox {

/// The host's side of one verb: reads the call, feeds its stdin to whoever does it, carries output
/// and exit back, and notices when the caller goes. Any thread, but one at a time for each of
/// `read_call` and the writes. Dropping it hangs up.
class VerbConnection {
public:
  /// `socket`: connected to a caller, as Transport::on_call hands it over.
  explicit VerbConnection(FileDescriptor socket);
  VerbConnection(const VerbConnection&) = delete;
  VerbConnection& operator=(const VerbConnection&) = delete;
  ~VerbConnection();

  /// First, and once. Error(corrupt) for what is no call, Error(cancelled) when the caller has gone
  /// or the token says so, Error(timeout).
  VerbCall read_call(Deadline deadline, const CancelToken& cancel = {});

  /// After read_call: to be read to its end as the verb's stdin (CommandIo::input); empty when the
  /// caller gives none. Valid as long as this.
  int input() const noexcept { return m_input.reading.get(); }

  /// Cancelled when the caller has gone or breaks the protocol, and by hang_up. Noticed from
  /// read_call on.
  CancelToken gone() const noexcept { return m_gone.token(); }

  /// Blocks while the caller does not read. Error(cancelled) once it has gone.
  void write_output(OutputStream stream, std::string_view bytes);

  /// Last. The code as a process has it, 0 to 255. A caller that has gone is no error.
  void write_exit(int code);

  void hang_up() noexcept;

private:
  void send(std::string_view bytes);
  bool receive();
  void pump();

  FileDescriptor m_socket;
  VerbDecoder m_decoder{VerbDecoder::Sender::caller};
  Pipe m_input;
  CancelSource m_gone;
  std::thread m_pump;  ///< from read_call on; alone uses m_socket's reading side then
};

}  // namespace nestbox
