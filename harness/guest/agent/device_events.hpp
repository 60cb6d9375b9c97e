#pragma once

#include <functional>

#include "harness/base/scope.hpp"

namespace nestbox::agent {

/// The kernel's announcements of devices that come (uevents). Listening begins when this is made.
class DeviceEvents {
public:
  DeviceEvents();

  /// Returns once `there` is true, asking again at each announcement.
  void wait_until(const std::function<bool()>& there);

private:
  FileDescriptor m_socket;
};

}  // namespace nestbox::agent
