#pragma once

#include <unistd.h>

#include <concepts>
#include <utility>

namespace nestbox {

/// Runs `action` when the scope ends, unless dismissed: the rollback of a multi-step change.
template <std::invocable Action>
class ScopeExit {
public:
  explicit ScopeExit(Action action) : m_action(std::move(action)) {}
  ScopeExit(const ScopeExit&) = delete;
  ScopeExit& operator=(const ScopeExit&) = delete;
  ~ScopeExit() {
    if (m_armed)
      m_action();
  }

  void dismiss() noexcept { m_armed = false; }

private:
  Action m_action;
  bool m_armed = true;
};

/// Owns one file descriptor; -1 means none.
class FileDescriptor {
public:
  FileDescriptor() = default;
  explicit FileDescriptor(int descriptor) : m_descriptor(descriptor) {}
  FileDescriptor(FileDescriptor&& other) noexcept
      : m_descriptor(std::exchange(other.m_descriptor, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    if (this != &other) {
      close();
      m_descriptor = std::exchange(other.m_descriptor, -1);
    }
    return *this;
  }
  ~FileDescriptor() { close(); }

  int get() const noexcept { return m_descriptor; }
  explicit operator bool() const noexcept { return m_descriptor >= 0; }
  int release() noexcept { return std::exchange(m_descriptor, -1); }
  void close() noexcept {
    if (m_descriptor >= 0)
      ::close(std::exchange(m_descriptor, -1));
  }

private:
  int m_descriptor = -1;
};

}  // namespace nestbox
