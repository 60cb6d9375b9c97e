#pragma once

#include <string>

#include "harness/base/scope.hpp"

namespace nestbox::agent {

/// The sole use of this host, among all who go by the same directory: a lock that ends with this
/// process, however it ends. With it comes an empty workspace, removed in the end, or by the next
/// holder when this process was killed. A directory that several hosts share serves them one by
/// one.
class Lease {
public:
  /// `holder`: for a person who wonders. Makes `directory` when absent. What it got commands find
  /// in our environment: the workspace, the client of the host and its socket.
  Lease(const std::string& directory, const std::string& holder);
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  /// Waits until what we started has ended, then removes the workspace.
  ~Lease();

  /// The code to exit with when there is no lease (said on stderr); else 0.
  int refusal() const { return m_refusal; }
  std::string call_socket() const { return m_home + "/host.sock"; }

private:
  int take(const std::string& directory, const std::string& holder);
  void set_environment() const;

  std::string m_home;
  std::string m_workspace;
  FileDescriptor m_lock;
  int m_refusal;
};

}  // namespace nestbox::agent
