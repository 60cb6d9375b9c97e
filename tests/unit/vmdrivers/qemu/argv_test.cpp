#include "vmdrivers/qemu/argv.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nestbox::qemu {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;

Launch small_machine() {
  MachineSpec spec;
  spec.name = "one";
  spec.memory = mebibytes(256);
  spec.kernel = "/layers/k/vmlinuz";
  spec.initramfs = "/layers/i/tiny.cpio";
  return {.binary = "/usr/bin/qemu-system-x86_64", .accelerator = {"tcg", "max"}, .spec = spec};
}

std::vector<std::string> values_of(const Launch& launch, const std::string& option) {
  const std::vector<std::string> argv = make_argv(launch);
  std::vector<std::string> values;
  for (std::size_t i = 1; i < argv.size(); ++i)
    if (argv[i - 1] == option)
      values.push_back(argv[i]);
  return values;
}

TEST(QemuArgv, BootsASmallMachine) {
  const std::vector<std::string> expected = {
      "/usr/bin/qemu-system-x86_64",
      "-name",
      "nestbox-one",
      "-machine",
      "q35,memory-backend=ram,usb=off,smbus=off,sata=off,vmport=off,hpet=off",
      "-accel",
      "tcg,thread=single,tb-size=64",
      "-cpu",
      "max",
      "-smp",
      "1",
      "-m",
      "268435456B",
      "-object",
      "memory-backend-ram,id=ram,size=268435456",
      "-nodefaults",
      "-no-user-config",
      "-no-reboot",
      "-only-migratable",
      "-display",
      "none",
      "-sandbox",
      "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
      "-chardev",
      "socket,id=qmp,fd=4",
      "-mon",
      "chardev=qmp,mode=control",
      "-chardev",
      "socket,id=console,fd=5",
      "-serial",
      "chardev:console",
      "-device",
      "virtio-serial-pci,ioeventfd=off",
      "-chardev",
      "socket,id=agent,fd=3",
      "-device",
      "virtserialport,chardev=agent,name=org.nestbox.agent.0",
      "-kernel",
      "/layers/k/vmlinuz",
      "-initrd",
      "/layers/i/tiny.cpio",
      "-append",
      "console=ttyS0 quiet panic=-1 tsc=reliable no_timer_check net.ifnames=0"};
  EXPECT_EQ(make_argv(small_machine()), expected);
}

TEST(QemuArgv, RestoresACloneFromReadOnlyFiles) {
  Launch launch = small_machine();
  launch.spec.disk = "/layers/t/disk.qcow2";
  launch.spec.disk_format = "qcow2";
  launch.ram_file = RamFile{"/layers/t/ram", false};
  launch.restore = true;
  EXPECT_THAT(values_of(launch, "-object"),
              ElementsAre("memory-backend-file,id=ram,size=268435456,mem-path=/layers/t/ram,"
                          "share=off"));
  EXPECT_THAT(values_of(launch, "-drive"),
              ElementsAre("if=none,id=disk,file=/layers/t/disk.qcow2,format=qcow2,snapshot=on,"
                          "cache=unsafe"));
  EXPECT_THAT(values_of(launch, "-incoming"), ElementsAre("defer"));
  EXPECT_THAT(make_argv(launch), Not(Contains("-S")));
}

TEST(QemuArgv, DoesNotReadTheKernelAgainForAClone) {
  Launch launch = small_machine();
  launch.restore = true;
  EXPECT_THAT(make_argv(launch), Not(Contains("-kernel")));
  EXPECT_THAT(make_argv(launch), Not(Contains("-initrd")));
  EXPECT_THAT(values_of(launch, "-option-rom"), ElementsAre("linuxboot_dma.bin"));
}

TEST(QemuArgv, LetsTheFirmwareStartADisk) {
  Launch launch = small_machine();
  launch.spec.kernel.clear();
  launch.spec.initramfs.clear();
  launch.spec.disk = "/layers/d/disk";
  launch.spec.disk_format = "qcow2";
  launch.spec.seed = "/layers/s/seed.iso";
  for (const bool restore : {false, true}) {
    launch.restore = restore;
    EXPECT_THAT(values_of(launch, "-machine"),
                ElementsAre("q35,memory-backend=ram,usb=off,smbus=off,sata=off,vmport=off,hpet=off,"
                            "graphics=off"));
    EXPECT_THAT(values_of(launch, "-drive"),
                ElementsAre("if=none,id=disk,file=/layers/d/disk,format=qcow2,snapshot=on,"
                            "cache=unsafe",
                            "if=none,id=seed,file=/layers/s/seed.iso,format=raw,readonly=on"));
    EXPECT_THAT(values_of(launch, "-device"),
                ElementsAre("virtio-serial-pci,ioeventfd=off",
                            "virtserialport,chardev=agent,name=org.nestbox.agent.0",
                            "virtio-blk-pci,drive=disk,bootindex=0", "virtio-blk-pci,drive=seed"));
    for (const char* option : {"-kernel", "-initrd", "-append", "-option-rom"})
      EXPECT_THAT(make_argv(launch), Not(Contains(option)));
  }
}

TEST(QemuArgv, KeepsWhatATemplateWrites) {
  Launch launch = small_machine();
  launch.spec.disk = "/staging/disk.qcow2";
  launch.spec.disk_format = "qcow2";
  launch.keep_disk_writes = true;
  launch.ram_file = RamFile{"/staging/ram", true};
  EXPECT_THAT(values_of(launch, "-object"),
              ElementsAre("memory-backend-file,id=ram,size=268435456,mem-path=/staging/ram,"
                          "share=on"));
  EXPECT_THAT(values_of(launch, "-drive"),
              ElementsAre("if=none,id=disk,file=/staging/disk.qcow2,format=qcow2,snapshot=off,"
                          "cache=unsafe"));
}

TEST(QemuArgv, WaitsWhenPaused) {
  Launch launch = small_machine();
  launch.restore = true;
  launch.paused = true;
  EXPECT_THAT(make_argv(launch), Contains("-S"));
}

TEST(QemuArgv, GivesANetworkOnlyWhenAsked) {
  Launch launch = small_machine();
  EXPECT_THAT(values_of(launch, "-netdev"), ElementsAre());
  launch.spec.network = NetworkAccess::user;
  EXPECT_THAT(values_of(launch, "-netdev"), ElementsAre("user,id=net"));
  EXPECT_THAT(values_of(launch, "-device"),
              Contains("virtio-net-pci,netdev=net,mac=52:54:00:6e:62:75,romfile="));
}

TEST(QemuArgv, WiresEachInterfaceToItsCableAndPutsTheUserNetworkLast) {
  Launch launch = small_machine();
  launch.spec.interfaces = {{"52:54:00:00:01:01"}, {"52:54:00:00:02:01"}};
  launch.spec.network = NetworkAccess::user;
  launch.cabled = true;
  EXPECT_THAT(values_of(launch, "-netdev"),
              ElementsAre("socket,id=net0,fd=7", "socket,id=net1,fd=8", "user,id=net"));
  EXPECT_THAT(values_of(launch, "-device"),
              ElementsAre("virtio-serial-pci,ioeventfd=off",
                          "virtserialport,chardev=agent,name=org.nestbox.agent.0",
                          "virtio-net-pci,netdev=net0,mac=52:54:00:00:01:01,romfile=",
                          "virtio-net-pci,netdev=net1,mac=52:54:00:00:02:01,romfile=",
                          "virtio-net-pci,netdev=net,mac=52:54:00:6e:62:75,romfile="));
}

TEST(QemuArgv, LeavesAnInterfaceWithoutACableWithoutAPeer) {
  Launch launch = small_machine();
  launch.spec.interfaces = {{"52:54:00:00:01:01"}};
  EXPECT_THAT(values_of(launch, "-netdev"), ElementsAre());
  EXPECT_THAT(values_of(launch, "-device"),
              Contains("virtio-net-pci,mac=52:54:00:00:01:01,romfile="));
}

TEST(QemuArgv, EmulatesSeveralCoresOnSeveralThreads) {
  Launch launch = small_machine();
  launch.spec.cores = 2;
  EXPECT_THAT(values_of(launch, "-accel"), ElementsAre("tcg,thread=multi,tb-size=64"));
  EXPECT_THAT(values_of(launch, "-smp"), ElementsAre("2"));
}

TEST(QemuArgv, GivesTheAcceleratorItsProcessor) {
  Launch launch = small_machine();
  launch.accelerator = {"kvm", "host,-arch-capabilities"};
  EXPECT_THAT(values_of(launch, "-accel"), ElementsAre("kvm"));
  EXPECT_THAT(values_of(launch, "-device"), Contains("virtio-serial-pci"));
  EXPECT_THAT(values_of(launch, "-cpu"), ElementsAre("host,-arch-capabilities"));
}

TEST(QemuArgv, AddsToTheKernelsArguments) {
  Launch launch = small_machine();
  launch.spec.kernel_arguments = "root=/dev/vda rw";
  EXPECT_THAT(values_of(launch, "-append"),
              ElementsAre("console=ttyS0 quiet panic=-1 tsc=reliable no_timer_check net.ifnames=0 "
                          "root=/dev/vda rw"));
}

TEST(QemuArgv, DoublesCommasInPathsAndNames) {
  Launch launch = small_machine();
  launch.spec.name = "a,b";
  launch.ram_file = RamFile{"/home/x, y/ram", false};
  launch.spec.disk = "/home/x, y/disk";
  EXPECT_THAT(values_of(launch, "-name"), ElementsAre("nestbox-a,,b"));
  EXPECT_THAT(values_of(launch, "-object"),
              ElementsAre("memory-backend-file,id=ram,size=268435456,mem-path=/home/x,, y/ram,"
                          "share=off"));
  EXPECT_THAT(values_of(launch, "-drive"),
              ElementsAre("if=none,id=disk,file=/home/x,, y/disk,format=raw,snapshot=on,"
                          "cache=unsafe"));
}

}  // namespace
}  // namespace nestbox::qemu
