#pragma once

#include <string>
#include <thread>
#include <vector>

#include "harness/vm/machine.hpp"

namespace nestbox {

/// The command that is a TCP connection to an IPv4 address and port as the machine sees them, on
/// its stdin and stdout.
std::vector<std::string> connection_to(const std::string& address, int port);

/// A port of this host's loopback that leads into a machine: each connection to it is served by a
/// command there, on its stdin and stdout, on a thread of its own; at most 256 at a time. What such
/// a command leaves running goes on. The machine outlives it.
class Forwarding {
public:
  /// Listens on `port` of an IPv4 `address` of the loopback (127.0.0.0/8); 0: on any that is free.
  /// Throws Error(io).
  Forwarding(Machine& machine, std::vector<std::string> server,
             const std::string& address = "127.0.0.1", int port = 0);
  /// Cuts off what is connected.
  ~Forwarding();

  int port() const noexcept { return m_port; }

  /// Frees the port, and leaves alone what is connected.
  void stop_listening() noexcept;
  /// Whether it listens no longer and the last connection has ended.
  bool done() const noexcept { return m_done.token().cancelled(); }

private:
  void serve();

  Machine& m_machine;
  std::vector<std::string> m_server;
  FileDescriptor m_listener;
  int m_port = 0;
  CancelSource m_stop;
  CancelSource m_done;
  std::thread m_thread;
};

}  // namespace nestbox
