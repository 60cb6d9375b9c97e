#include "harness/base/socket_pair.hpp"

#include <sys/socket.h>

#include <cerrno>

#include "harness/base/error.hpp"

namespace nestbox {

SocketPair::SocketPair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw system_error("cannot make a socket pair", errno);
  ours = FileDescriptor(ends[0]);
  theirs = FileDescriptor(ends[1]);
}

}  // namespace nestbox
