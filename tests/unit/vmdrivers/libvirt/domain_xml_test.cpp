#include "vmdrivers/libvirt/domain_xml.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nestbox::libvirt {
namespace {

using testing::HasSubstr;
using testing::Not;

DomainLaunch small_launch() {
  DomainLaunch launch{.name = "nestbox-0-1",
                      .uuid = "0b3d5bb6-9ee5-4b0e-8f0e-1f7f3f3a0001",
                      .owner = "0@boot:1:2",
                      .emulator = "/usr/bin/qemu-system-x86_64",
                      .accelerator = {"tcg", qemu::k_emulated_cpu},
                      .spec = {},
                      .agent_socket = "/tmp/x/agent",
                      .console_socket = "/tmp/x/console"};
  launch.spec.name = "db";
  launch.spec.kernel = "/k/vmlinuz";
  launch.spec.initramfs = "/k/initramfs";
  return launch;
}

/// What of a definition is not the same for all domains, as the small one has it.
struct Parts {
  std::string type = "qemu";
  std::string cores = "1";
  std::string kernel = R"(
    <kernel>/k/vmlinuz</kernel>
    <initrd>/k/initramfs</initrd>
    <cmdline>console=ttyS0 quiet panic=-1 tsc=reliable no_timer_check net.ifnames=0</cmdline>)";
  std::string translator = R"(
    <tcg><tb-cache unit='MiB'>64</tb-cache></tcg>)";
  std::string processor = R"(
  <cpu mode='maximum' check='none'>
    <feature policy='disable' name='erms'/>
    <feature policy='disable' name='la57'/>
  </cpu>)";
  std::string disk = {};
  std::string interface = {};
  std::string labels = {};
  std::string arguments = {};
};

std::string definition(const Parts& parts) {
  return "<domain type='" + parts.type
         + R"(' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>nestbox-0-1</name>
  <uuid>0b3d5bb6-9ee5-4b0e-8f0e-1f7f3f3a0001</uuid>
  <title>db</title>
  <metadata>
    <nestbox:machine xmlns:nestbox='urn:nestbox:machine:1'>
      <nestbox:nestbox>1</nestbox:nestbox>
      <nestbox:owner>0@boot:1:2</nestbox:owner>
    </nestbox:machine>
  </metadata>
  <memory unit='MiB'>256</memory>
  <vcpu>)"
         + parts.cores + R"(</vcpu>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>)"
         + parts.kernel + R"(
  </os>
  <features>
    <acpi/>
    <apic/>
    <vmport state='off'/>)"
         + parts.translator + R"(
  </features>)"
         + parts.processor + R"(
  <clock offset='utc'>
    <timer name='hpet' present='no'/>
  </clock>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>destroy</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>)"
         + parts.disk + R"(
    <controller type='usb' model='none'/>
    <serial type='unix'>
      <source mode='connect' path='/tmp/x/console'/>
      <target port='0'/>
    </serial>
    <channel type='unix'>
      <source mode='connect' path='/tmp/x/agent'/>
      <target type='virtio' name='org.nestbox.agent.0'/>
    </channel>)"
         + parts.interface + R"(
    <memballoon model='none'/>
    <panic model='isa'/>
  </devices>)"
         + parts.labels + R"(
  <qemu:commandline>
    <qemu:arg value='-only-migratable'/>)"
         + parts.arguments + R"(
  </qemu:commandline>
  <qemu:capabilities>
    <qemu:del capability='cpu-unavailable-features'/>
  </qemu:capabilities>
</domain>
)";
}

TEST(DomainXml, BootsAKernelDirectly) {
  EXPECT_EQ(domain_xml(small_launch()), definition({}));
}

TEST(DomainXml, RestoresAMachineWithAllThatItCanHave) {
  DomainLaunch launch = small_launch();
  launch.accelerator = {"kvm", "host,-arch-capabilities"};
  launch.confinement = {.user = "+1000:+1000", .model = "apparmor"};
  launch.spec.cores = 4;
  launch.spec.disk = "/layers/disk.raw";
  launch.spec.interfaces = {{"52:54:00:00:00:01"}, {"52:54:00:00:00:02"}};
  launch.spec.network = NetworkAccess::user;
  launch.overlay = "/scratch/1.qcow2";
  launch.ram_file = qemu::RamFile{"/layers/ram", false};
  launch.restore = true;
  const Parts parts = {.type = "kvm",
                       .cores = "4",
                       .kernel = "",
                       .translator = "",
                       .processor = R"(
  <cpu mode='host-passthrough' check='none'>
    <feature policy='disable' name='arch-capabilities'/>
  </cpu>)",
                       .disk = R"(
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='unsafe'/>
      <source file='/scratch/1.qcow2'/>
      <target dev='vda' bus='virtio'/>
    </disk>)",
                       .interface = R"(
    <interface type='user'>
      <mac address='52:54:00:6e:62:75'/>
      <model type='virtio'/>
      <rom enabled='no'/>
    </interface>)",
                       .labels = R"(
  <seclabel type='static' model='dac' relabel='no'>
    <label>+1000:+1000</label>
  </seclabel>
  <seclabel type='none' model='apparmor'/>)",
                       .arguments = R"(
    <qemu:arg value='-object'/>
    <qemu:arg value='{"id":"nestbox","mem-path":"/layers/ram","qom-type":"memory-backend-file","share":false,"size":268435456}'/>
    <qemu:arg value='-machine'/>
    <qemu:arg value='memory-backend=nestbox'/>
    <qemu:arg value='-option-rom'/>
    <qemu:arg value='linuxboot_dma.bin'/>
    <qemu:arg value='-incoming'/>
    <qemu:arg value='defer'/>
    <qemu:arg value='-netdev'/>
    <qemu:arg value='hubport,id=net0,hubid=0'/>
    <qemu:arg value='-device'/>
    <qemu:arg value='{"driver":"virtio-net-pci","mac":"52:54:00:00:00:01","netdev":"net0","romfile":""}'/>
    <qemu:arg value='-netdev'/>
    <qemu:arg value='hubport,id=net1,hubid=1'/>
    <qemu:arg value='-device'/>
    <qemu:arg value='{"driver":"virtio-net-pci","mac":"52:54:00:00:00:02","netdev":"net1","romfile":""}'/>)"};
  EXPECT_EQ(domain_xml(launch), definition(parts));
}

TEST(DomainXml, LetsTheFirmwareStartADisk) {
  DomainLaunch launch = small_launch();
  launch.spec.kernel.clear();
  launch.spec.initramfs.clear();
  launch.spec.disk = "/layers/disk";
  launch.spec.seed = "/layers/seed.iso";
  launch.overlay = "/scratch/1.qcow2";
  Parts parts = {.kernel = "",
                 .disk = R"(
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='unsafe'/>
      <source file='/scratch/1.qcow2'/>
      <target dev='vda' bus='virtio'/>
      <boot order='1'/>
    </disk>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='/layers/seed.iso'/>
      <target dev='vdb' bus='virtio'/>
      <readonly/>
    </disk>)",
                 .arguments = R"(
    <qemu:arg value='-machine'/>
    <qemu:arg value='graphics=off'/>)"};
  EXPECT_EQ(domain_xml(launch), definition(parts));
  launch.restore = true;
  parts.arguments += R"(
    <qemu:arg value='-incoming'/>
    <qemu:arg value='defer'/>)";
  EXPECT_EQ(domain_xml(launch), definition(parts));
}

TEST(DomainXml, WritesToTheDiskThatIsSavedWithTheMachine) {
  DomainLaunch launch = small_launch();
  launch.spec.disk = "/staging/disk.qcow2";
  launch.spec.disk_format = "qcow2";
  launch.ram_file = qemu::RamFile{"/staging/ram", true};
  const std::string xml = domain_xml(launch);
  EXPECT_THAT(xml, HasSubstr("<source file='/staging/disk.qcow2'/>"));
  EXPECT_THAT(xml, HasSubstr("<driver name='qemu' type='qcow2' cache='unsafe'/>"));
  EXPECT_THAT(xml, HasSubstr("\"share\":true"));
}

TEST(DomainXml, NamesTheProcessorOfEachRung) {
  DomainLaunch launch = small_launch();
  launch.accelerator = {"kvm", "host"};
  EXPECT_THAT(domain_xml(launch), HasSubstr("  <cpu mode='host-passthrough' check='none'/>\n"));
  launch.accelerator = {"kvm", "qemu64"};
  EXPECT_THAT(domain_xml(launch), HasSubstr(R"(  <cpu mode='custom' match='exact' check='none'>
    <model fallback='forbid'>qemu64</model>
  </cpu>
)"));
}

TEST(DomainXml, RoundsMemoryUpToWhatLibvirtGives) {
  DomainLaunch launch = small_launch();
  launch.spec.memory = {mebibytes(100).count + 1};
  launch.ram_file = qemu::RamFile{"/staging/ram", true};
  const std::string xml = domain_xml(launch);
  EXPECT_THAT(xml, HasSubstr("<memory unit='MiB'>101</memory>"));
  EXPECT_THAT(xml, HasSubstr("\"size\":" + std::to_string(mebibytes(101).count)));
}

TEST(DomainXml, IsNotBrokenByWhatItHolds) {
  DomainLaunch launch = small_launch();
  launch.spec.name = "<a> & 'b'";
  launch.spec.kernel_arguments = "x='1' y=<2> z=&3";
  launch.ram_file = qemu::RamFile{"/it's/a,\"ram\"", true};
  const std::string xml = domain_xml(launch);
  EXPECT_THAT(xml, HasSubstr("<title>&lt;a&gt; &amp; &apos;b&apos;</title>"));
  EXPECT_THAT(xml, HasSubstr("x=&apos;1&apos; y=&lt;2&gt; z=&amp;3</cmdline>"));
  EXPECT_THAT(xml, HasSubstr(R"("mem-path":"/it&apos;s/a,\"ram\"")"));
  EXPECT_THAT(xml, Not(HasSubstr("it's")));
}

}  // namespace
}  // namespace nestbox::libvirt
