#pragma once

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "harness/vm/machine.hpp"

namespace nestbox {

/// A socket of this host that leads into a machine without a network: each connection to it is
/// served by a command there, on its stdin and stdout, on a thread of its own; at most 256 at a
/// time. What such a command leaves running goes on. The machine outlives it.
class Forwarding {
public:
  /// On a port of the loopback. Throws Error(io).
  Forwarding(Machine& machine, std::vector<std::string> server);
  /// On a unix socket at `path`. Throws Error(io), for one that is too long, too.
  Forwarding(Machine& machine, std::vector<std::string> server, const std::filesystem::path& path);
  /// Cuts off what is connected.
  ~Forwarding();

  int port() const noexcept { return m_port; }  ///< 0 of a unix socket

private:
  Forwarding(Machine& machine, std::vector<std::string> server, FileDescriptor listener);
  void serve() const;

  Machine& m_machine;
  std::vector<std::string> m_server;
  FileDescriptor m_listener;
  int m_port = 0;
  CancelSource m_stop;
  std::thread m_thread;
};

}  // namespace nestbox
