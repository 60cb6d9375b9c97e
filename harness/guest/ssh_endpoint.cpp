#include "harness/guest/ssh_endpoint.hpp"

#include <netdb.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "harness/base/error.hpp"

namespace nestbox {
namespace {

/// A peer that is gone without a word is given up after half a minute or so.
void notice_death(const FileDescriptor& socket) {
  const auto set = [&](int level, int name, int value) {
    ::setsockopt(socket.get(), level, name, &value, sizeof value);
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 15);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set(IPPROTO_TCP, TCP_KEEPCNT, 4);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 35'000);
  set(IPPROTO_TCP, TCP_NODELAY, 1);
}

void throw_unless_ready(Wait wait, const std::string& what) {
  if (wait == Wait::timed_out)
    throw Error(ErrorCode::timeout, what + " did not answer in time");
  if (wait == Wait::cancelled)
    throw Error(ErrorCode::cancelled, "cancelled");
}

/// The socket, or the errno of why there is none.
FileDescriptor try_connect(const addrinfo& address, const std::string& what, Deadline deadline,
                           const CancelToken& cancel, int& failure) {
  FileDescriptor socket(::socket(
      address.ai_family, address.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address.ai_protocol));
  failure = errno;
  if (!socket || ::connect(socket.get(), address.ai_addr, address.ai_addrlen) == 0)
    return socket;
  failure = errno;
  if (failure != EINPROGRESS)
    return {};
  throw_unless_ready(wait_writable(socket.get(), deadline, cancel), what);
  socklen_t size = sizeof failure;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &failure, &size);
  return failure == 0 ? std::move(socket) : FileDescriptor();
}

}  // namespace

std::string ssh_user(const SshEndpoint& endpoint) {
  if (!endpoint.user.empty())
    return endpoint.user;
  const passwd* const entry = ::getpwuid(::geteuid());
  return entry ? entry->pw_name : "root";
}

std::string to_string(const SshEndpoint& endpoint) {
  return ssh_user(endpoint) + '@' + endpoint.address + ':' + std::to_string(endpoint.port);
}

FileDescriptor connect_to_ssh(const SshEndpoint& endpoint, const std::string& what,
                              Deadline deadline, const CancelToken& cancel) {
  addrinfo wanted{};
  wanted.ai_flags = AI_ADDRCONFIG;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(endpoint.address.c_str(), std::to_string(endpoint.port).c_str(),
                                   &wanted, &found);
  if (failed != 0)
    throw Error(ErrorCode::lost, "cannot find " + what + ": " + ::gai_strerror(failed));
  const std::unique_ptr<addrinfo, decltype([](addrinfo* a) { ::freeaddrinfo(a); })> owned(found);
  int failure = 0;
  for (const addrinfo* address = found; address; address = address->ai_next)
    if (FileDescriptor socket = try_connect(*address, what, deadline, cancel, failure)) {
      notice_death(socket);
      return socket;
    }
  Error error = system_error("cannot connect to " + what, failure);
  error.code = ErrorCode::lost;
  throw error;
}

}  // namespace nestbox
