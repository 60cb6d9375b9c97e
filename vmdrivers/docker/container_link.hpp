#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "harness/base/clock.hpp"
#include "harness/base/scope.hpp"
#include "harness/vm/machine.hpp"

namespace nestbox::docker {

/// Between the agent in a container and its transport: a thread that hands bytes to and fro, keeps
/// what the container says on its stderr, and knows how it ended. Dropping it ends the connection.
class ContainerLink {
public:
  /// `connection`: attached to the container's streams; `agent`: the far end of the transport's
  /// socket.
  ContainerLink(FileDescriptor connection, FileDescriptor agent);
  ~ContainerLink();

  /// The engine says that the container has ended, with this exit code. Any thread.
  void exited(int code);
  /// What ends from here on was told to.
  void quit();

  std::string console() const;
  /// As Machine::condition and Machine::on_end.
  Condition condition();
  void on_end(std::function<void(Condition)> handler);

private:
  void relay();
  void say(std::string_view bytes);
  void announce_end();
  void tell_end();                   ///< wants m_handler_mutex held
  Condition told_condition() const;  ///< wants m_mutex held

  FileDescriptor m_connection;
  FileDescriptor m_agent;
  CancelSource m_stop;

  mutable std::mutex m_mutex;
  std::condition_variable m_changed;
  std::string m_console;
  std::optional<int> m_exit_code;
  bool m_broken = false;  ///< the connection has ended
  bool m_quit = false;

  std::mutex m_handler_mutex;  ///< held while the handler is called; taken before m_mutex
  std::function<void(Condition)> m_on_end;
  bool m_announced = false;

  std::thread m_thread;
};

}  // namespace nestbox::docker
