#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "vmdrivers/libvirt/domain_names.hpp"
#include "vmdrivers/libvirt/domain_xml.hpp"
#include "vmdrivers/libvirt/handle.hpp"
#include "vmdrivers/qemu_base/running_qemu.hpp"

namespace nestbox::libvirt {

/// The QEMU of one transient domain.
class DomainQemu final : public qemu::RunningQemu {
public:
  /// Starts the domain, paused, under a name and with sockets that are filled into `launch`, and
  /// waits until its QEMU has connected to these. Throws Error(infrastructure)
  /// as libvirt has it, Error(cancelled).
  DomainQemu(std::shared_ptr<Connection> connection, DomainNames& names, DomainLaunch launch,
             const CancelToken& cancel);
  ~DomainQemu() override;

  /// Our end of the agent's port, once.
  FileDescriptor take_agent() { return std::move(m_agent); }

  /// Wires the interfaces, as BootOptions::cables. Throws as `ask`.
  void plug(const std::vector<int>& cables);
  /// Has it load a saved state; does not wait for that. Throws as `ask`.
  void load(const std::filesystem::path& state);

  qemu::Watcher& watcher() override { return *m_watcher; }
  /// libvirt, not `deadline`, gives up a QEMU that does not answer.
  nlohmann::json ask(const std::string& command, const nlohmann::json& arguments, int descriptor,
                     Deadline deadline) override;
  void resume() override { m_domain->resume(); }
  bool end(Deadline deadline) override;
  std::optional<Error> refusal() const override { return std::nullopt; }
  std::string last_words() const override;

private:
  std::shared_ptr<Connection> m_connection;
  DomainName m_name;
  FileDescriptor m_agent;
  std::unique_ptr<qemu::Watcher> m_watcher;
  std::atomic<qemu::Watcher*> m_told = nullptr;  ///< m_watcher, once it is there
  std::unique_ptr<Domain> m_domain;
};

}  // namespace nestbox::libvirt
