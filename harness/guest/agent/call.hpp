#pragma once

#include <string>

#include "harness/base/scope.hpp"
#include "harness/guest/agent/stream.hpp"

namespace nestbox::agent {

/// A socket at `path` that programs in this machine call the host through; root alone may connect.
/// None, with errno set, when it cannot be made.
FileDescriptor listen_for_calls(const std::string& path);

/// One program's call: carries bytes between its connection and the host, until both have said all
/// or one has gone.
class Call : public Stream {
public:
  Call(Session& session, std::uint32_t id, FileDescriptor connection);
  ~Call() override;
  void receive(const Frame& frame) override;
  void ready(unsigned which) override;

private:
  void write_pending();
  void read_some();
  void settle();

  FileDescriptor m_connection;
  std::string m_pending;  ///< from the host, for the program
  std::uint32_t m_credit = k_output_window;
  std::uint32_t m_watched_events = 0;
  bool m_host_ended = false;
  bool m_program_ended = false;
  bool m_deaf = false;    ///< the program takes no more
  bool m_killed = false;  ///< the host has gone; what it sent before still goes to the program
};

}  // namespace nestbox::agent
