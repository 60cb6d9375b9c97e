#include "harness/guest/agent/port.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <string>

#include "harness/guest/agent/system.hpp"

namespace nestbox::agent {

namespace {

FileDescriptor try_open_port() {
  FileDescriptor port;
  DIR* directory = opendir("/sys/class/virtio-ports");
  if (!directory)
    return port;
  while (const dirent* entry = readdir(directory)) {
    const std::string name = entry->d_name;
    if (read_file(("/sys/class/virtio-ports/" + name + "/name").c_str()) == "org.nestbox.agent.0\n")
      port = FileDescriptor(open(("/dev/" + name).c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  }
  closedir(directory);
  return port;
}

}  // namespace

FileDescriptor open_port(DeviceEvents& events) {
  FileDescriptor port;
  events.wait_until([&] {
    port = try_open_port();
    return static_cast<bool>(port);
  });
  return port;
}

}  // namespace nestbox::agent
