#include "harness/guest/agent/nested_check.hpp"

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "harness/base/scope.hpp"

namespace nestbox::agent {

namespace {

int refuse(const std::string& why) {
  const std::string line = why + "\n";
  [[maybe_unused]] const ssize_t written = write(STDOUT_FILENO, line.data(), line.size());
  return 1;
}

int refuse_with_error(const std::string& what) {
  return refuse(what + ": " + strerrordesc_np(errno));
}

}  // namespace

int check_nested() {
  const FileDescriptor kvm(open("/dev/kvm", O_RDWR | O_CLOEXEC));
  if (!kvm)
    return refuse_with_error("cannot open '/dev/kvm'");
  const int version = ioctl(kvm.get(), KVM_GET_API_VERSION, 0);
  if (version != KVM_API_VERSION)
    return refuse("'/dev/kvm' speaks version " + std::to_string(version) + " of its interface");
  const FileDescriptor machine(ioctl(kvm.get(), KVM_CREATE_VM, 0));
  if (!machine)
    return refuse_with_error("'/dev/kvm' makes no virtual machine");
  const FileDescriptor processor(ioctl(machine.get(), KVM_CREATE_VCPU, 0));
  if (!processor)
    return refuse_with_error("'/dev/kvm' makes no virtual processor");
  return 0;
}

}  // namespace nestbox::agent
