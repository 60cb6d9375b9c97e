#pragma once

#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "runner/verb_channel.hpp"

namespace nestbox {

/// Takes the calls of programs in one world: each has a thread, at most 128 at a time. Dropping it
/// ends them all.
class VerbServer {
public:
  /// Does what a program asks for and returns the exit code that it is to see; cancelled with the
  /// channel's token. Called on the call's thread, several at once. `caller`: the machine of the
  /// program, empty: this host.
  using Handler =
      std::function<int(const std::string& caller, const VerbCall& call, VerbChannel& channel)>;

  explicit VerbServer(Handler handler) : m_handler(std::move(handler)) {}
  VerbServer(const VerbServer&) = delete;
  VerbServer& operator=(const VerbServer&) = delete;
  ~VerbServer();

  /// Takes the host's end of a call (Transport::on_call). Any thread; does not block.
  void serve(std::string caller, FileDescriptor connection);

private:
  struct Call {
    std::thread thread;
    bool ended = false;
  };

  void answer(const std::string& caller, FileDescriptor connection);
  std::list<Call> take_ended();

  Handler m_handler;
  CancelSource m_stop;
  std::mutex m_mutex;
  std::list<Call> m_calls;
  bool m_stopping = false;
};

}  // namespace nestbox
