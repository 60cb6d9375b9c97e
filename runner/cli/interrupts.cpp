#include "runner/cli/interrupts.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>

#include "harness/base/error.hpp"

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
}

Interrupts::~Interrupts() {
  const std::uint64_t one = 1;
  if (m_thread.joinable() && ::write(m_stop.get(), &one, sizeof one) == sizeof one)
    m_thread.join();
}

void Interrupts::deliver_to(std::function<void()> interrupt) {
  m_thread = std::thread([this, action = std::move(interrupt)] { watch(action); });
}

void Interrupts::watch(const std::function<void()>& interrupt) {
  pollfd events[] = {{m_signals.get(), POLLIN, 0}, {m_stop.get(), POLLIN, 0}};
  while (true) {
    if (::poll(events, 2, -1) < 0 && errno != EINTR)
      return;
    if (events[1].revents)
      return;
    signalfd_siginfo signal{};
    if (!events[0].revents || ::read(m_signals.get(), &signal, sizeof signal) != sizeof signal)
      continue;
    interrupt();
    if (signal.ssi_signo != SIGINT)
      interrupt();
  }
}

}  // namespace nestbox
