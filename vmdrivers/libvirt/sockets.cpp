#include "vmdrivers/libvirt/sockets.hpp"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>

namespace nestbox::libvirt {

ListeningSocket::ListeningSocket(fs::path path)
    : m_path(std::move(path)), m_socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = m_path.string();
  if (name.size() >= sizeof address.sun_path)
    throw Error(ErrorCode::io, "the path of socket '" + name + "' is too long",
                "point TMPDIR to a directory with a shorter name");
  name.copy(address.sun_path, name.size());
  if (!m_socket
      || ::bind(m_socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0
      || ::listen(m_socket.get(), 1) != 0)
    throw system_error("cannot listen on '" + name + "'", errno);
}

FileDescriptor ListeningSocket::accept(Deadline deadline, const CancelToken& cancel) const {
  const Wait wait = wait_readable(m_socket.get(), deadline, cancel);
  cancel.throw_if_cancelled();
  if (wait != Wait::ready)
    throw Error(ErrorCode::infrastructure,
                "nobody has connected to '" + m_path.string() + "' in time");
  FileDescriptor connection(::accept4(m_socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!connection)
    throw system_error("cannot accept a connection to '" + m_path.string() + "'", errno);
  return connection;
}

Peer look_after(pid_t pid) {
  Peer peer{FileDescriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))), pid};
  if (!peer.process)
    throw system_error("cannot look after process " + std::to_string(pid), errno);
  return peer;
}

Peer peer_of(const FileDescriptor& connection) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
    throw system_error("cannot tell who has connected", errno);
  return look_after(credentials.pid);
}

}  // namespace nestbox::libvirt
