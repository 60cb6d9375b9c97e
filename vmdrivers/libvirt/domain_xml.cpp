#include "vmdrivers/libvirt/domain_xml.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "harness/base/text.hpp"
#include "harness/guest/user_network.hpp"
#include "vmdrivers/libvirt/metadata.hpp"
#include "vmdrivers/qemu_base/guest.hpp"

namespace nestbox::libvirt {
namespace {

/// In a text or within quotes.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
    case '&':
      result += "&amp;";
      break;
    case '<':
      result += "&lt;";
      break;
    case '>':
      result += "&gt;";
      break;
    case '\'':
      result += "&apos;";
      break;
    default:
      result += c;
    }
  }
  return result;
}

/// libvirt rounds up to this, and QEMU wants its RAM file to be as large as its RAM.
std::uint64_t whole_mebibytes(Bytes memory) {
  return (memory.count + mebibytes(1).count - 1) / mebibytes(1).count;
}

/// QEMU's "host,-arch-capabilities" in libvirt's words.
std::string cpu(const std::string& model) {
  const std::vector<std::string> words = split(model, ',');
  std::string inner;
  std::string mode = "custom' match='exact";
  if (words[0] == "host" || words[0] == "max")
    mode = words[0] == "host" ? "host-passthrough" : "maximum";
  else
    inner = fmt::format("    <model fallback='forbid'>{}</model>\n", escaped(words[0]));
  for (std::size_t i = 1; i < words.size(); ++i)
    inner +=
        fmt::format("    <feature policy='{}' name='{}'/>\n",
                    words[i].starts_with('-') ? "disable" : "require", escaped(words[i].substr(1)));
  if (inner.empty())
    return fmt::format("  <cpu mode='{}' check='none'/>\n", mode);
  return fmt::format("  <cpu mode='{}' check='none'>\n{}  </cpu>\n", mode, inner);
}

std::string head(const DomainLaunch& launch) {
  const bool emulated = launch.accelerator.name == "tcg";
  return fmt::format(
      R"(<domain type='{}' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>{}</name>
  <uuid>{}</uuid>
  <title>{}</title>
  <metadata>
    <nestbox:machine xmlns:nestbox='{}'>
      <nestbox:nestbox>1</nestbox:nestbox>
      <nestbox:{}>{}</nestbox:{}>
    </nestbox:machine>
  </metadata>
  <memory unit='MiB'>{}</memory>
  <vcpu>{}</vcpu>
)",
      emulated ? "qemu" : launch.accelerator.name, escaped(launch.name), launch.uuid,
      escaped(launch.spec.name), k_metadata_uri, k_metadata_owner, escaped(launch.owner),
      k_metadata_owner, whole_mebibytes(launch.spec.memory), launch.spec.cores);
}

std::string system(const DomainLaunch& launch) {
  std::string kernel;
  if (!launch.restore && !qemu::boots_disk(launch.spec))
    kernel =
        fmt::format(R"(    <kernel>{}</kernel>
    <initrd>{}</initrd>
    <cmdline>{}</cmdline>
)",
                    escaped(launch.spec.kernel.string()), escaped(launch.spec.initramfs.string()),
                    escaped(qemu::kernel_command_line(launch.spec)));
  // The translations' cache is the larger part of what an emulated clone keeps for itself.
  const std::string cache =
      launch.accelerator.name == "tcg" ? "    <tcg><tb-cache unit='MiB'>64</tb-cache></tcg>\n" : "";
  return fmt::format(R"(  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
{}  </os>
  <features>
    <acpi/>
    <apic/>
    <vmport state='off'/>
{}  </features>
{}  <clock offset='utc'>
    <timer name='hpet' present='no'/>
  </clock>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>destroy</on_reboot>
  <on_crash>destroy</on_crash>
)",
                     kernel, cache, cpu(launch.accelerator.cpu_model));
}

std::string disk(const DomainLaunch& launch) {
  if (!launch.spec.disk)
    return {};
  // What a machine writes is thrown away, or fsynced as a whole when its layer is published: no
  // flush within.
  return fmt::format(R"(    <disk type='file' device='disk'>
      <driver name='qemu' type='{}' cache='unsafe'/>
      <source file='{}'/>
      <target dev='vda' bus='virtio'/>
{}    </disk>
)",
                     launch.overlay ? "qcow2" : launch.spec.disk_format,
                     escaped(launch.overlay.value_or(*launch.spec.disk).string()),
                     qemu::boots_disk(launch.spec) ? "      <boot order='1'/>\n" : "");
}

std::string seed(const DomainLaunch& launch) {
  if (!launch.spec.seed)
    return {};
  return fmt::format(R"(    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='{}'/>
      <target dev='vdb' bus='virtio'/>
      <readonly/>
    </disk>
)",
                     escaped(launch.spec.seed->string()));
}

std::string devices(const DomainLaunch& launch) {
  std::string network;
  if (launch.spec.network == NetworkAccess::user)
    network = fmt::format(R"(    <interface type='user'>
      <mac address='{}'/>
      <model type='virtio'/>
      <rom enabled='no'/>
    </interface>
)",
                          k_user_network_mac);
  return fmt::format(R"(  <devices>
    <emulator>{}</emulator>
{}{}    <controller type='usb' model='none'/>
    <serial type='unix'>
      <source mode='connect' path='{}'/>
      <target port='0'/>
    </serial>
    <channel type='unix'>
      <source mode='connect' path='{}'/>
      <target type='virtio' name='{}'/>
    </channel>
{}    <memballoon model='none'/>
    <panic model='isa'/>
  </devices>
)",
                     escaped(launch.emulator.string()), disk(launch), seed(launch),
                     escaped(launch.console_socket.string()), escaped(launch.agent_socket.string()),
                     qemu::k_agent_port, network);
}

std::string labels(const Confinement& confinement) {
  std::string text;
  if (confinement.user)
    text += fmt::format(R"(  <seclabel type='static' model='dac' relabel='no'>
    <label>{}</label>
  </seclabel>
)",
                        escaped(*confinement.user));
  if (!confinement.model.empty())
    text += fmt::format("  <seclabel type='none' model='{}'/>\n", escaped(confinement.model));
  return text;
}

/// libvirt asks a QEMU that has this for each of its processor's 400 properties by itself, which is
/// most of what a start would take, and far more on a busy host; else in two questions. Nothing
/// here depends on the answers.
constexpr char k_capabilities[] = R"(  <qemu:capabilities>
    <qemu:del capability='cpu-unavailable-features'/>
  </qemu:capabilities>
)";

/// For QEMU, which refuses bytes that are no UTF-8 where we would die of them.
std::string text_of(const nlohmann::json& object) {
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// What libvirt has no words for.
std::string arguments(const DomainLaunch& launch) {
  std::vector<std::string> argv = {"-only-migratable"};
  if (launch.ram_file)
    argv.insert(argv.end(),
                {"-object",
                 text_of({{"qom-type", "memory-backend-file"},
                          {"id", "nestbox"},
                          {"size", mebibytes(whole_mebibytes(launch.spec.memory)).count},
                          {"mem-path", launch.ram_file->path.string()},
                          {"share", launch.ram_file->shared}}),
                 "-machine", "memory-backend=nestbox"});
  // The firmware and the boot loader then speak on the serial port.
  if (qemu::boots_disk(launch.spec))
    argv.insert(argv.end(), {"-machine", "graphics=off"});
  else if (launch.restore)
    argv.insert(argv.end(), {"-option-rom", qemu::k_restored_rom});
  if (launch.restore)
    argv.insert(argv.end(), {"-incoming", "defer"});
  // In this order they get their places on the bus, and so their names in the machine; as JSON,
  // after libvirt's own devices have theirs.
  for (std::size_t i = 0; i < launch.spec.interfaces.size(); ++i)
    argv.insert(argv.end(), {"-netdev", fmt::format("hubport,id=net{},hubid={}", i, i), "-device",
                             text_of({{"driver", "virtio-net-pci"},
                                      {"netdev", fmt::format("net{}", i)},
                                      {"mac", launch.spec.interfaces[i].mac},
                                      {"romfile", ""}})});
  std::string text = "  <qemu:commandline>\n";
  for (const std::string& argument : argv)
    text += fmt::format("    <qemu:arg value='{}'/>\n", escaped(argument));
  return text + "  </qemu:commandline>\n";
}

}  // namespace

std::string domain_xml(const DomainLaunch& launch) {
  return head(launch) + system(launch) + devices(launch) + labels(launch.confinement)
         + arguments(launch) + k_capabilities + "</domain>\n";
}

}  // namespace nestbox::libvirt
