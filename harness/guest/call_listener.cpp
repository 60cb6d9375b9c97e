#include "harness/guest/call_listener.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>

#include "harness/base/error.hpp"

namespace nestbox {

CallListener::CallListener() : m_socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = path();
  const bool fits = name.size() < sizeof address.sun_path;
  name.copy(address.sun_path, sizeof address.sun_path - 1);
  if (!fits
      || ::bind(m_socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0
      || ::listen(m_socket.get(), SOMAXCONN) != 0)
    throw system_error("cannot listen on '" + name + "'", fits ? errno : ENAMETOOLONG);
  m_thread = std::thread([this] { accept_calls(); });
}

CallListener::~CallListener() {
  m_stop.cancel();
  m_thread.join();
}

void CallListener::set_handler(Handler handler) {
  const std::lock_guard lock(m_mutex);
  m_handler = std::move(handler);
}

void CallListener::accept_calls() {
  while (wait_readable(m_socket.get(), Deadline::never(), m_stop.token()) == Wait::ready) {
    FileDescriptor call(::accept4(m_socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const std::lock_guard lock(m_mutex);
    if (call && m_handler)
      m_handler(std::move(call));
  }
}

}  // namespace nestbox
