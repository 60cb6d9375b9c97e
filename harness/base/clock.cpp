#include "harness/base/clock.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdint>

#include "harness/base/error.hpp"

namespace nestbox {

namespace {

Wait wait_for(int descriptor, short events, Deadline deadline, const CancelToken& cancel) {
  // poll(2) passes over the negative descriptor of a token that never cancels.
  std::array<pollfd, 2> polled = {{{cancel.descriptor(), POLLIN, 0}, {descriptor, events, 0}}};
  while (true) {
    const int ready = ::poll(polled.data(), polled.size(), deadline.poll_timeout());
    if (ready < 0 && errno != EINTR)
      throw system_error("cannot wait for a descriptor", errno);
    if (ready > 0)
      return polled[0].revents ? Wait::cancelled : Wait::ready;
    if (deadline.passed())
      return Wait::timed_out;
  }
}

}  // namespace

Deadline Deadline::after(std::chrono::nanoseconds duration) {
  const Clock::time_point now = Clock::now();
  return duration >= Clock::time_point::max() - now ? never() : Deadline(now + duration);
}

std::chrono::nanoseconds Deadline::remaining() const {
  if (is_never())
    return std::chrono::nanoseconds::max();
  return std::max(std::chrono::nanoseconds::zero(), m_instant - Clock::now());
}

int Deadline::poll_timeout() const {
  if (is_never())
    return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(remaining()).count();
  return static_cast<int>(std::min<std::int64_t>(left, INT_MAX));
}

bool CancelToken::cancelled() const noexcept {
  pollfd polled = {descriptor(), POLLIN, 0};
  return m_event && ::poll(&polled, 1, 0) > 0;
}

int CancelToken::descriptor() const noexcept {
  return m_event ? m_event->get() : -1;
}

void CancelToken::throw_if_cancelled() const {
  if (cancelled())
    throw Error(ErrorCode::cancelled, "cancelled");
}

CancelSource::CancelSource() : CancelSource(CancelToken()) {}

CancelSource::CancelSource(const CancelToken& parent)
    : m_event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  // An epoll descriptor is readable while one of those in it is: one event made of two.
  FileDescriptor either(::epoll_create1(EPOLL_CLOEXEC));
  if (!m_event || !either)
    throw system_error("cannot make an event", errno);
  epoll_event readable{.events = EPOLLIN, .data = {}};
  for (const int descriptor : {m_event.get(), parent.descriptor()})
    if (descriptor >= 0 && ::epoll_ctl(either.get(), EPOLL_CTL_ADD, descriptor, &readable) != 0)
      throw system_error("cannot make an event", errno);
  m_token.m_event = std::make_shared<FileDescriptor>(std::move(either));
}

void CancelSource::cancel() noexcept {
  const int saved = errno;
  const std::uint64_t one = 1;
  // Fails only when the count is at its largest, which says the same.
  [[maybe_unused]] const ssize_t ignored = ::write(m_event.get(), &one, sizeof one);
  errno = saved;
}

Wait wait_readable(int descriptor, Deadline deadline, const CancelToken& cancel) {
  return wait_for(descriptor, POLLIN, deadline, cancel);
}

Wait wait_writable(int descriptor, Deadline deadline, const CancelToken& cancel) {
  return wait_for(descriptor, POLLOUT, deadline, cancel);
}

}  // namespace nestbox
