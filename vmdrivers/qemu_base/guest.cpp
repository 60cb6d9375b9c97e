#include "vmdrivers/qemu_base/guest.hpp"

namespace nestbox::qemu {

bool boots_disk(const MachineSpec& spec) {
  return spec.kernel.empty();
}

std::string kernel_command_line(const MachineSpec& spec) {
  // no_timer_check: a busy host may not let an emulated timer tick in the tenth of a second that
  // Linux waits for it, and Linux then panics.
  std::string command_line =
      "console=ttyS0 quiet panic=-1 tsc=reliable no_timer_check net.ifnames=0";
  if (!spec.kernel_arguments.empty())
    command_line += " " + spec.kernel_arguments;
  return command_line;
}

}  // namespace nestbox::qemu
