#include "vmdrivers/libvirt/domain_qemu.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include "harness/base/filesystem.hpp"
#include "vmdrivers/libvirt/sockets.hpp"
#include "vmdrivers/qemu_base/saved_machine.hpp"

namespace nestbox::libvirt {
namespace {

using namespace std::chrono_literals;

/// QEMU connects before libvirt says that it has started.
constexpr auto k_connect_time = 30s;

/// How long a QEMU that was killed may take to end.
constexpr auto k_end_time = 10s;

/// Names of other processes' domains that are tried before giving up.
constexpr int k_most_names = 1000;

}  // namespace

/// The sockets are unlinked once QEMU has connected, so that nothing is left however we end.
DomainQemu::DomainQemu(std::shared_ptr<Connection> connection, DomainNames& names,
                       DomainLaunch launch, const CancelToken& cancel)
    : m_connection(std::move(connection)) {
  const TemporaryDirectory directory("nestbox-libvirt");
  const ListeningSocket agent(directory.path() / "agent");
  const ListeningSocket console(directory.path() / "console");
  launch.agent_socket = agent.path();
  launch.console_socket = console.path();
  // What is told before there is a watcher is of no interest: the guest does not run yet.
  const auto handler = [this](qemu::QemuEvent event) {
    if (qemu::Watcher* watcher = m_told.load())
      watcher->handle(event);
  };
  for (int tries = 0; !m_domain && tries < k_most_names; ++tries) {
    m_name = names.take(m_name);
    launch.name = m_name.text();
    m_domain = m_connection->create(domain_xml(launch), launch.name, handler);
  }
  if (!m_domain)
    throw Error(ErrorCode::infrastructure, "libvirt has no name left for another domain",
                "'nestbox reap --driver libvirt' ends those that nobody owns any more");
  const Deadline deadline = Deadline::after(k_connect_time);
  m_agent = agent.accept(deadline, cancel);
  Peer peer = peer_of(m_agent);
  m_watcher =
      std::make_unique<qemu::Watcher>(qemu::WatchedQemu{.pid = peer.pid,
                                                        .process = std::move(peer.process),
                                                        .console = console.accept(deadline, cancel),
                                                        .agent = duplicate(m_agent.get())},
                                      std::vector<qemu::Channel>{});
  m_told = m_watcher.get();
}

DomainQemu::~DomainQemu() {
  end(Deadline::after(k_end_time));
}

void DomainQemu::plug(const std::vector<int>& cables) {
  for (std::size_t i = 0; i < cables.size(); ++i) {
    const std::string cable = fmt::format("cable{}", i);
    m_domain->ask("getfd", {{"fdname", cable}}, cables[i]);
    m_domain->ask("netdev_add", {{"type", "socket"}, {"id", cable}, {"fd", cable}});
    m_domain->ask(
        "netdev_add",
        {{"type", "hubport"}, {"id", fmt::format("plug{}", i)}, {"hubid", i}, {"netdev", cable}});
  }
}

void DomainQemu::load(const fs::path& state) {
  const FileDescriptor file = open_file(state, O_RDONLY);
  m_domain->ask("migrate-set-capabilities", qemu::migration_capabilities());
  m_domain->ask("getfd", {{"fdname", "state"}}, file.get());
  m_domain->ask("migrate-incoming", {{"uri", "fd:state"}});
}

nlohmann::json DomainQemu::ask(const std::string& command, const nlohmann::json& arguments,
                               int descriptor, Deadline) {
  return m_domain->ask(command, arguments, descriptor);
}

bool DomainQemu::end(Deadline deadline) {
  // libvirt asks a QEMU to end, and looks again after a fifth of a second; after one that has ended
  // it only tidies up.
  if (m_watcher->kill())
    m_watcher->await_end(deadline);
  m_domain.reset();
  return m_watcher->await_end(deadline);
}

std::string DomainQemu::last_words() const {
  return fmt::format("; libvirt's log of domain '{}' says why", m_name.text());
}

}  // namespace nestbox::libvirt
