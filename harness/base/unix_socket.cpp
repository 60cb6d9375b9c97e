#include "harness/base/unix_socket.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>

#include "harness/base/error.hpp"

namespace nestbox {
namespace {

constexpr int k_backlog = 64;

sockaddr_un address_of(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.native().size() >= sizeof address.sun_path)
    throw Error(ErrorCode::io, "the path '" + path.string() + "' is too long for a socket",
                "choose a directory with a shorter one");
  path.native().copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

}  // namespace

FileDescriptor listen_on_path(const std::filesystem::path& path) {
  const sockaddr_un address = address_of(path);
  FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ::unlink(path.c_str());
  if (!socket
      || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0
      || ::listen(socket.get(), k_backlog) != 0)
    throw system_error("cannot listen on '" + path.string() + "'", errno);
  return socket;
}

FileDescriptor connect_to_path(const std::filesystem::path& path) {
  const sockaddr_un address = address_of(path);
  FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket
      || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw system_error("cannot reach '" + path.string() + "'", errno);
  return socket;
}

}  // namespace nestbox
