#include "vmdrivers/qemu/argv.hpp"

#include <fmt/format.h>

#include "harness/guest/user_network.hpp"
#include "vmdrivers/qemu_base/guest.hpp"

namespace nestbox::qemu {
namespace {

/// A value within QEMU's comma-separated options.
std::string option_value(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    escaped += c;
    if (c == ',')
      escaped += c;
  }
  return escaped;
}

class Arguments {
public:
  explicit Arguments(std::string binary) { m_argv.push_back(std::move(binary)); }

  void add(std::string option, std::string value) {
    m_argv.push_back(std::move(option));
    m_argv.push_back(std::move(value));
  }
  void add(std::string flag) { m_argv.push_back(std::move(flag)); }

  void add_socket(const std::string& id, int descriptor) {
    add("-chardev", fmt::format("socket,id={},fd={}", id, descriptor));
  }

  std::vector<std::string> take() { return std::move(m_argv); }

private:
  std::vector<std::string> m_argv;
};

std::string accelerator_option(const Launch& launch) {
  if (launch.accelerator.name != "tcg")
    return launch.accelerator.name;
  // One thread saves its hand-overs where there is one core to emulate; the cache is the larger
  // part of what an emulated clone keeps for itself.
  const bool multi = launch.spec.cores > 1;
  return fmt::format("tcg,thread={},tb-size=64", multi ? "multi" : "single");
}

/// An emulated processor has no exit to avoid by an eventfd: without one, the agent's words do not
/// wait for QEMU's main loop, which takes a third of their way.
std::string serial_device(const Launch& launch) {
  return launch.accelerator.name == "tcg" ? "virtio-serial-pci,ioeventfd=off" : "virtio-serial-pci";
}

std::string machine_type(const Launch& launch) {
  std::string type = "q35,memory-backend=ram,usb=off,smbus=off,sata=off,vmport=off,hpet=off";
  // The firmware and the boot loader then speak on the serial port.
  if (boots_disk(launch.spec))
    type += ",graphics=off";
  return type;
}

void add_memory(Arguments& arguments, const Launch& launch) {
  const std::string size = fmt::format("{}", launch.spec.memory.count);
  arguments.add("-m", fmt::format("{}B", size));
  if (launch.ram_file)
    arguments.add("-object", fmt::format("memory-backend-file,id=ram,size={},mem-path={},share={}",
                                         size, option_value(launch.ram_file->path.string()),
                                         launch.ram_file->shared ? "on" : "off"));
  else
    arguments.add("-object", fmt::format("memory-backend-ram,id=ram,size={}", size));
}

void add_kernel(Arguments& arguments, const Launch& launch) {
  if (boots_disk(launch.spec))
    return;
  if (launch.restore) {
    arguments.add("-option-rom", k_restored_rom);
    return;
  }
  arguments.add("-kernel", launch.spec.kernel.string());
  arguments.add("-initrd", launch.spec.initramfs.string());
  arguments.add("-append", kernel_command_line(launch.spec));
}

void add_disk(Arguments& arguments, const Launch& launch) {
  if (!launch.spec.disk)
    return;
  // What a machine writes is thrown away, or fsynced as a whole when its layer is published: no
  // flush within.
  arguments.add("-drive",
                fmt::format("if=none,id=disk,file={},format={},snapshot={},cache=unsafe",
                            option_value(launch.spec.disk->string()), launch.spec.disk_format,
                            launch.keep_disk_writes ? "off" : "on"));
  arguments.add("-device", boots_disk(launch.spec) ? "virtio-blk-pci,drive=disk,bootindex=0"
                                                   : "virtio-blk-pci,drive=disk");
  if (!launch.spec.seed)
    return;
  arguments.add("-drive", fmt::format("if=none,id=seed,file={},format=raw,readonly=on",
                                      option_value(launch.spec.seed->string())));
  arguments.add("-device", "virtio-blk-pci,drive=seed");
}

void add_network(Arguments& arguments, const Launch& launch) {
  // In this order they get their places on the bus, and so their names in the machine.
  for (std::size_t i = 0; i < launch.spec.interfaces.size(); ++i) {
    const std::string mac = option_value(launch.spec.interfaces[i].mac);
    if (!launch.cabled) {
      arguments.add("-device", fmt::format("virtio-net-pci,mac={},romfile=", mac));
      continue;
    }
    arguments.add("-netdev", fmt::format("socket,id=net{},fd={}", i,
                                         k_first_cable_descriptor + static_cast<int>(i)));
    arguments.add("-device", fmt::format("virtio-net-pci,netdev=net{},mac={},romfile=", i, mac));
  }
  if (launch.spec.network != NetworkAccess::user)
    return;
  arguments.add("-netdev", "user,id=net");
  arguments.add("-device",
                fmt::format("virtio-net-pci,netdev=net,mac={},romfile=", k_user_network_mac));
}

}  // namespace

std::vector<std::string> make_argv(const Launch& launch) {
  Arguments arguments(launch.binary);
  arguments.add("-name", option_value("nestbox-" + launch.spec.name));
  arguments.add("-machine", machine_type(launch));
  arguments.add("-accel", accelerator_option(launch));
  arguments.add("-cpu", launch.accelerator.cpu_model);
  arguments.add("-smp", fmt::format("{}", launch.spec.cores));
  add_memory(arguments, launch);
  arguments.add("-nodefaults");
  arguments.add("-no-user-config");
  arguments.add("-no-reboot");
  arguments.add("-only-migratable");
  arguments.add("-display", "none");
  arguments.add("-sandbox",
                "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
  arguments.add_socket("qmp", k_qmp_descriptor);
  arguments.add("-mon", "chardev=qmp,mode=control");
  arguments.add_socket("console", k_console_descriptor);
  arguments.add("-serial", "chardev:console");
  arguments.add("-device", serial_device(launch));
  arguments.add_socket("agent", k_agent_descriptor);
  arguments.add("-device", fmt::format("virtserialport,chardev=agent,name={}", k_agent_port));
  add_kernel(arguments, launch);
  add_disk(arguments, launch);
  add_network(arguments, launch);
  if (launch.restore)
    arguments.add("-incoming", "defer");
  if (launch.paused)
    arguments.add("-S");
  return arguments.take();
}

}  // namespace nestbox::qemu
