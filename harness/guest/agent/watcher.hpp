#pragma once

#include <sys/epoll.h>

#include <cstdint>

#include "harness/base/scope.hpp"

namespace nestbox::agent {

/// A set of descriptors waited for together; itself a descriptor that another set can wait for.
class Watcher {
public:
  Watcher() : m_epoll(epoll_create1(EPOLL_CLOEXEC)) {}

  int descriptor() const noexcept { return m_epoll.get(); }
  void add(int descriptor, std::uint32_t events, std::uint64_t tag) {
    control(EPOLL_CTL_ADD, descriptor, events, tag);
  }
  void change(int descriptor, std::uint32_t events, std::uint64_t tag) {
    control(EPOLL_CTL_MOD, descriptor, events, tag);
  }
  void remove(int descriptor) { control(EPOLL_CTL_DEL, descriptor, 0, 0); }

  static constexpr int k_batch = 16;
  int wait(epoll_event (&events)[k_batch], int timeout) const {
    return epoll_wait(m_epoll.get(), events, k_batch, timeout);
  }

private:
  void control(int operation, int descriptor, std::uint32_t events, std::uint64_t tag) {
    epoll_event event{.events = events, .data = {.u64 = tag}};
    epoll_ctl(m_epoll.get(), operation, descriptor, &event);
  }

  FileDescriptor m_epoll;
};

}  // namespace nestbox::agent
