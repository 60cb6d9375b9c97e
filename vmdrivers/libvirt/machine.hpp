#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "harness/base/clock.hpp"
#include "harness/vm/machine.hpp"
#include "vmdrivers/libvirt/domain_names.hpp"
#include "vmdrivers/libvirt/domain_xml.hpp"
#include "vmdrivers/libvirt/handle.hpp"
#include "vmdrivers/libvirt/watcher.hpp"

namespace nestbox::libvirt {

/// What a domain is started with, beside its definition.
struct StartFiles {
  std::filesystem::path state{};  ///< when it restores: the saved state
  std::vector<int> cables{};      ///< as BootOptions::cables
  bool paused = false;            ///< it is not to run yet
};

/// A machine that is one transient domain.
class DomainMachine final : public Machine {
public:
  /// Starts the domain, under a name and with sockets that are filled into `launch`; when it
  /// restores, tells it to load the state. Does not wait for the guest. `cancel` ends it until
  /// await_agent has returned. Throws Error(infrastructure) as libvirt has it, Error(lost) when
  /// QEMU has ended, Error(cancelled).
  DomainMachine(std::shared_ptr<Connection> connection, DomainNames& names, DomainLaunch launch,
                const StartFiles& files, CancelToken cancel);
  ~DomainMachine() override;

  /// Until the agent has answered. Throws Error(lost) with the cause as far as it is known,
  /// Error(cancelled).
  void await_agent(Deadline deadline);

  /// Why it does not answer, in one line, as far as it is known; `symptom` is how that showed.
  std::string cause(const Error& symptom);

  const MachineSpec& spec() const override { return m_launch.spec; }
  std::string workspace() const override { return "/nestbox"; }
  Transport& transport() override { return *m_transport; }
  Condition condition() override { return m_watcher->condition(); }
  void on_end(std::function<void(Condition)> handler) override {
    m_watcher->on_end(std::move(handler));
  }
  std::string console() const override { return m_watcher->console(); }
  Bytes private_memory() const override;
  void resume() override;
  Snapshot save(Deadline deadline) override;

private:
  void start(DomainNames& names);
  void plug(const std::vector<int>& cables);
  void load(const std::filesystem::path& state);
  bool end(Deadline deadline);

  std::shared_ptr<Connection> m_connection;
  DomainLaunch m_launch;
  CancelToken m_cancel;
  bool m_paused;
  DomainName m_name;
  std::unique_ptr<Watcher> m_watcher;
  std::atomic<Watcher*> m_told = nullptr;  ///< m_watcher, once it is there
  std::unique_ptr<Domain> m_domain;
  std::unique_ptr<Transport> m_transport;
};

}  // namespace nestbox::libvirt
