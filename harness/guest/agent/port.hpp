#pragma once

#include "harness/base/scope.hpp"
#include "harness/guest/agent/device_events.hpp"

namespace nestbox::agent {

/// Opens the virtio-serial port named org.nestbox.agent.0, waiting for it to appear.
FileDescriptor open_port(DeviceEvents& events);

}  // namespace nestbox::agent
