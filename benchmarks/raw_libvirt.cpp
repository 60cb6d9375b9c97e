#include "benchmarks/raw_libvirt.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <unistd.h>

#include <cstdlib>

#include "benchmarks/raw_agent.hpp"
#include "benchmarks/sample.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/subprocess.hpp"
#include "harness/vm/snapshot.hpp"
#include "vmdrivers/libvirt/domain_xml.hpp"
#include "vmdrivers/libvirt/sockets.hpp"
#include "vmdrivers/qemu_base/saved_machine.hpp"

namespace nestbox::bench {

namespace {

constexpr char k_uuid[] = "0b3d5bb6-9ee5-4b0e-8f0e-1f7f3f3a0002";

std::string uri() {
  const char* value = std::getenv("LIBVIRT_DEFAULT_URI");
  return value ? value : "";
}

void check(int status) {
  if (status != 0)
    throw Error(ErrorCode::infrastructure, virGetLastErrorMessage());
}

void ask(virDomainPtr domain, const char* command, int descriptor = -1) {
  char* reply = nullptr;
  if (descriptor < 0)
    check(virDomainQemuMonitorCommand(domain, command, &reply, 0));
  else
    check(virDomainQemuMonitorCommandWithFiles(domain, command, 1, &descriptor, nullptr, nullptr,
                                               &reply, 0));
  std::free(reply);
}

}  // namespace

RawLibvirt::RawLibvirt(const Snapshot& snapshot)
    : m_snapshot(snapshot), m_connection(virConnectOpen(uri().c_str())) {
  const auto emulator = find_program("qemu-system-x86_64");
  if (!m_connection || !emulator)
    throw Error(ErrorCode::unsupported, "there is no libvirt, or no QEMU");
  m_emulator = *emulator;
}

RawLibvirt::~RawLibvirt() {
  virConnectClose(m_connection);
}

double RawLibvirt::first_byte(const std::vector<std::string>& command) const {
  const std::string frames = command_frames(command);
  libvirt::DomainLaunch launch{.name = "nestbox-raw",
                               .uuid = k_uuid,
                               .owner = "",
                               .emulator = m_emulator,
                               .accelerator = {"tcg", qemu::k_emulated_cpu},
                               .spec = m_snapshot.spec,
                               .ram_file = qemu::RamFile{m_snapshot.directory / k_ram_file, false},
                               .restore = true};
  if (uri().find("system") != std::string::npos)
    launch.confinement.user = fmt::format("+{}:+{}", ::geteuid(), ::getegid());
  const Deadline deadline = Deadline::after(std::chrono::minutes(1));

  const Stopwatch stopwatch;
  const TemporaryDirectory directory("nestbox-libvirt");
  const libvirt::ListeningSocket agent(directory.path() / "agent");
  const libvirt::ListeningSocket console(directory.path() / "console");
  launch.agent_socket = agent.path();
  launch.console_socket = console.path();
  const virDomainPtr domain =
      virDomainCreateXML(m_connection, libvirt::domain_xml(launch).c_str(),
                         VIR_DOMAIN_START_PAUSED | VIR_DOMAIN_START_AUTODESTROY);
  check(domain ? 0 : -1);
  const ScopeExit end([&] {
    virDomainDestroy(domain);
    virDomainFree(domain);
  });
  const FileDescriptor connection = agent.accept(deadline, {});
  const FileDescriptor printed = console.accept(deadline, {});
  const FileDescriptor state(
      ::open((m_snapshot.directory / qemu::k_state_file).c_str(), O_RDONLY | O_CLOEXEC));
  ask(domain, R"({"execute":"migrate-set-capabilities","arguments":{"capabilities":)"
              R"([{"capability":"x-ignore-shared","state":true}]}})");
  ask(domain, R"({"execute":"getfd","arguments":{"fdname":"state"}})", state.get());
  ask(domain, R"({"execute":"migrate-incoming","arguments":{"uri":"fd:state"}})");
  check(virDomainResume(domain));
  send_all(connection, frames);
  await_output(connection);
  return stopwatch.milliseconds();
}

}  // namespace nestbox::bench
