#include "runner/cli/interrupts.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <utility>

#include "harness/base/error.hpp"
#include "runner/cli/console.hpp"

namespace nestbox {
namespace {

sigset_t watched_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (int number : {SIGINT, SIGTERM, SIGHUP})
    ::sigaddset(&set, number);
  return set;
}

}  // namespace

Interrupts::Interrupts() {
  const sigset_t set = watched_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  m_signals = FileDescriptor(::signalfd(-1, &set, SFD_CLOEXEC));
  m_stop = FileDescriptor(::eventfd(0, EFD_CLOEXEC));
  if (!m_signals || !m_stop)
    throw system_error("cannot watch for signals", errno);
  m_thread = std::thread([this] { watch(); });
}

Interrupts::~Interrupts() {
  ::eventfd_write(m_stop.get(), 1);
  m_thread.join();
}

Interrupts::Handling::Handling(Interrupts& interrupts, std::function<void()> handler)
    : m_interrupts(interrupts) {
  std::lock_guard lock(m_interrupts.m_mutex);
  m_interrupts.m_handler = std::move(handler);
}

Interrupts::Handling::~Handling() {
  std::lock_guard lock(m_interrupts.m_mutex);
  m_interrupts.m_handler = nullptr;
}

void Interrupts::watch() {
  pollfd events[] = {{m_signals.get(), POLLIN, 0}, {m_stop.get(), POLLIN, 0}};
  while (true) {
    if (::poll(events, 2, -1) < 0 && errno != EINTR)
      return;
    if (events[1].revents)
      return;
    signalfd_siginfo signal{};
    if (events[0].revents && ::read(m_signals.get(), &signal, sizeof signal) == sizeof signal)
      handle(signal.ssi_signo != SIGINT);
  }
}

void Interrupts::handle(bool at_once) {
  std::lock_guard lock(m_mutex);
  if (!m_handler) {
    write_all(STDERR_FILENO, "nestbox: interrupted\n");
    ::_exit(130);
  }
  m_handler();
  if (at_once)
    m_handler();
}

}  // namespace nestbox
