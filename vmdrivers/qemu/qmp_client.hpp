#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/clock.hpp"
#include "harness/base/scope.hpp"
#include "vmdrivers/qemu/qmp_message.hpp"

namespace nestbox::qemu {

/// Our end of QEMU's monitor. One thread reads (`receive`, when `descriptor` is readable); any
/// thread sends. Commands may be sent before QEMU has said a word: it reads them when it is ready,
/// in order.
class QmpClient {
public:
  /// `on_event` is called on the thread that reads.
  QmpClient(FileDescriptor socket, std::function<void(const QmpEvent&)> on_event);

  int descriptor() const noexcept { return m_socket.get(); }

  struct Command {
    std::string name;
    nlohmann::json arguments = nlohmann::json::object();
    int descriptor = -1;  ///< passed along (getfd)
  };

  /// Writes all in one go, and waits for nothing; the first refusal among the answers is kept for
  /// `refusal`. Throws Error(lost) when QEMU has gone.
  void post(const std::vector<Command>& commands);

  /// Sends one and waits for its answer. Throws Error(infrastructure) naming the command when QEMU
  /// refuses it, Error(lost) when it has gone, Error(timeout).
  nlohmann::json execute(const Command& command, Deadline deadline);

  /// Why the first refused posted command was refused; nothing when none was (so far).
  std::optional<Error> refusal() const;

  /// Reads what is there. False at the end of the connection, which is also what garbage ends it
  /// with.
  bool receive();

private:
  struct Waiting {
    std::string command;
    bool posted = false;
    std::optional<Result<nlohmann::json>> value{};
  };

  void handle(const QmpMessage& message);
  void end(Error cause);

  FileDescriptor m_socket;
  std::function<void(const QmpEvent&)> m_on_event;
  QmpLineReader m_reader;
  mutable std::mutex m_mutex;
  std::condition_variable m_answered;
  std::int64_t m_last_id = 0;
  std::map<std::int64_t, Waiting> m_waiting;
  std::optional<Error> m_refusal;
  std::optional<Error> m_ended;
};

}  // namespace nestbox::qemu
