#include "harness/guest/agent/oom_counter.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace nestbox::agent {

namespace {

FileDescriptor open_counts(OomScope scope) {
  if (scope == OomScope::machine)
    return FileDescriptor(open("/proc/vmstat", O_RDONLY | O_CLOEXEC));
  FileDescriptor events(open("/sys/fs/cgroup/memory.events", O_RDONLY | O_CLOEXEC));
  if (events)
    return events;
  // Where the host still has cgroups of version 1.
  return FileDescriptor(open("/sys/fs/cgroup/memory/memory.oom_control", O_RDONLY | O_CLOEXEC));
}

}  // namespace

OomCounter::OomCounter(OomScope scope)
    : m_log(scope == OomScope::machine ? open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1),
      m_counts(open_counts(scope)) {
  total();
}

bool OomCounter::log_has_grown() {
  if (!m_log)
    return true;
  pollfd poll_log{m_log.get(), POLLIN, 0};
  if (poll(&poll_log, 1, 0) <= 0)
    return false;
  lseek(m_log.get(), 0, SEEK_END);
  return true;
}

std::uint32_t OomCounter::total() {
  // The log first: a kill in between is then counted now and once.
  if (!m_counts || !log_has_grown())
    return m_total;
  char text[16 * 1024];
  const ssize_t size = pread(m_counts.get(), text, sizeof text - 1, 0);
  if (size <= 0)
    return m_total;
  text[size] = '\0';
  constexpr std::string_view k_key = "\noom_kill ";
  const std::size_t found = std::string_view(text).find(k_key);
  if (found != std::string_view::npos)
    m_total = static_cast<std::uint32_t>(std::strtoul(text + found + k_key.size(), nullptr, 10));
  return m_total;
}

}  // namespace nestbox::agent
