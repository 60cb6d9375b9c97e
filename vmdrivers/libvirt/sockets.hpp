#pragma once

#include "harness/base/clock.hpp"
#include "harness/base/filesystem.hpp"

namespace nestbox::libvirt {

/// A socket in the filesystem that one process will connect to.
class ListeningSocket {
public:
  /// Listens from now on. Throws Error(io).
  explicit ListeningSocket(fs::path path);

  const fs::path& path() const noexcept { return m_path; }

  /// Waits for it. Throws Error(infrastructure) when nobody has come by the deadline,
  /// Error(cancelled).
  FileDescriptor accept(Deadline deadline, const CancelToken& cancel) const;

private:
  fs::path m_path;
  FileDescriptor m_socket;
};

/// A process that is no child of ours: a descriptor of it (pidfd), and its number.
struct Peer {
  FileDescriptor process;
  pid_t pid = 0;
};

/// Throws Error(io), also when it has ended already.
Peer look_after(pid_t pid);

/// The one at the other end of a connected unix socket. Throws as look_after.
Peer peer_of(const FileDescriptor& connection);

}  // namespace nestbox::libvirt
