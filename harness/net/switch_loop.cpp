#include "harness/net/switch_loop.hpp"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "harness/base/error.hpp"

namespace nestbox {

namespace {

// What epoll says instead of a link's index.
constexpr std::uint64_t k_command = UINT64_MAX;
constexpr std::uint64_t k_timer = UINT64_MAX - 1;

FileDescriptor made(int descriptor) {
  if (descriptor < 0)
    throw system_error("cannot make a network", errno);
  return FileDescriptor(descriptor);
}

void watch(const FileDescriptor& epoll, int operation, int descriptor, std::uint32_t events,
           std::uint64_t data) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = data;
  if (::epoll_ctl(epoll.get(), operation, descriptor, &event) != 0)
    throw system_error("cannot watch a link's socket", errno);
}

}  // namespace

SwitchLoop::SwitchLoop(std::string name, std::uint64_t seed)
    : m_fabric(std::move(name), seed), m_epoll(made(::epoll_create1(EPOLL_CLOEXEC))),
      m_event(made(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))),
      m_timer(made(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK))) {
  // Edges, so that neither has to be read.
  watch(m_epoll, EPOLL_CTL_ADD, m_event.get(), EPOLLIN | EPOLLET, k_command);
  watch(m_epoll, EPOLL_CTL_ADD, m_timer.get(), EPOLLIN | EPOLLET, k_timer);
  // Signals are for the threads that expect them.
  sigset_t all;
  sigset_t ours;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &ours);
  const ScopeExit restore([&] { ::pthread_sigmask(SIG_SETMASK, &ours, nullptr); });
  m_thread = std::thread([this] { serve(); });
}

SwitchLoop::~SwitchLoop() {
  run([this] { m_stopping = true; });
  m_thread.join();
}

SwitchTime SwitchLoop::now() const {
  return m_frozen_at ? *m_frozen_at : SwitchTime(Clock::now() - m_origin);
}

void SwitchLoop::freeze() {
  m_frozen_at = now();
}

void SwitchLoop::thaw() {
  if (!m_frozen_at)
    return;
  m_origin = Clock::now() - *m_frozen_at;
  m_frozen_at.reset();
  m_timer_set.reset();
}

void SwitchLoop::post(std::function<void()> command) {
  {
    const std::lock_guard lock(m_mutex);
    m_commands.push_back(std::move(command));
  }
  const std::uint64_t one = 1;
  // Fails only when the count is at its largest, which wakes as well.
  [[maybe_unused]] const ssize_t ignored = ::write(m_event.get(), &one, sizeof one);
}

void SwitchLoop::serve() {
  ::pthread_setname_np(::pthread_self(), "nestbox-switch");
  while (!m_stopping)
    serve_round();
}

void SwitchLoop::serve_round() {
  std::array<epoll_event, 64> events;
  const int ready = ::epoll_wait(m_epoll.get(), events.data(), events.size(), -1);
  run_commands();
  if (!is_frozen()) {
    const SwitchTime round = now();
    m_fabric.advance(round);
    for (int i = 0; i < ready; ++i) {
      const std::uint64_t link = events[i].data.u64;
      if (link == k_command || link == k_timer)
        continue;
      if (events[i].events & EPOLLOUT)
        m_fabric.resume(link);
      if (events[i].events & ~std::uint32_t{EPOLLOUT})
        m_fabric.receive(link, round);
    }
    m_fabric.flush_captures();
    set_timer();
  }
  watch_sockets();
}

void SwitchLoop::run_commands() {
  std::vector<std::function<void()>> commands;
  {
    const std::lock_guard lock(m_mutex);
    commands.swap(m_commands);
  }
  for (const auto& command : commands)
    command();
}

void SwitchLoop::watch_sockets() {
  m_watched.resize(m_fabric.size());
  for (LinkIndex link = 0; link < m_watched.size(); ++link) {
    Watched& watched = m_watched[link];
    const int socket = m_fabric.socket(link);
    Watched wanted;
    if (socket >= 0 && !is_frozen())
      wanted = {m_fabric.connection(link), EPOLLIN | (m_fabric.is_waiting(link) ? EPOLLOUT : 0U)};
    if (wanted == watched)
      continue;
    // A socket that was closed is not watched any more.
    const bool is_watched =
        socket >= 0 && watched.events != 0 && watched.connection == m_fabric.connection(link);
    if (is_watched || wanted.events != 0)
      watch(m_epoll,
            !is_watched          ? EPOLL_CTL_ADD
            : wanted.events != 0 ? EPOLL_CTL_MOD
                                 : EPOLL_CTL_DEL,
            socket, wanted.events, link);
    watched = wanted;
  }
}

void SwitchLoop::set_timer() {
  const std::optional<SwitchTime> next = m_fabric.next_arrival();
  if (!next || next == m_timer_set)
    return;
  const auto instant = (m_origin + *next).time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(instant);
  itimerspec time{};
  time.it_value.tv_sec = seconds.count();
  time.it_value.tv_nsec = std::chrono::nanoseconds(instant - seconds).count();
  ::timerfd_settime(m_timer.get(), TFD_TIMER_ABSTIME, &time, nullptr);
  m_timer_set = next;
}

}  // namespace nestbox
