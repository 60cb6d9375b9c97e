#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "harness/base/clock.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/scope.hpp"

namespace nestbox {

/// Takes the calls of programs on this very host: a unix socket in a directory that only our own
/// user may enter, and a thread that accepts. Calls are handed over as Transport::on_call says;
/// they are not counted, for each is a connection of the handler's own.
class CallListener {
public:
  using Handler = std::function<void(FileDescriptor)>;

  /// Throws Error(io).
  CallListener();
  CallListener(const CallListener&) = delete;
  CallListener& operator=(const CallListener&) = delete;
  ~CallListener();

  std::string path() const { return m_directory.path() / "host.sock"; }
  void set_handler(Handler handler);

private:
  void accept_calls();

  TemporaryDirectory m_directory;
  FileDescriptor m_socket;
  std::mutex m_mutex;  ///< held while the handler is called
  Handler m_handler;
  CancelSource m_stop;
  std::thread m_thread;
};

}  // namespace nestbox
