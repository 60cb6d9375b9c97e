#pragma once

#include <memory>
#include <string>

#include "harness/vm/machine.hpp"
#include "vmdrivers/docker/container_link.hpp"
#include "vmdrivers/docker/engine.hpp"
#include "vmdrivers/docker/event_watcher.hpp"
#include "vmdrivers/docker/offered_engine.hpp"

namespace nestbox::docker {

/// A container that is owned by whoever holds this: dropping it removes the container.
class Container {
public:
  Container(Engine& engine, std::string id) : m_engine(engine), m_id(std::move(id)) {}
  Container(const Container&) = delete;
  Container& operator=(const Container&) = delete;
  ~Container();

  const std::string& id() const noexcept { return m_id; }
  std::string path(const std::string& what) const { return "/containers/" + m_id + what; }

private:
  Engine& m_engine;
  std::string m_id;
};

/// A machine that is one container, whose first process is our agent.
class ContainerMachine final : public Machine {
public:
  /// Starts the container, which was created already; `offered` is what its tests are given, or
  /// nothing. Throws what Engine::call and hijack throw.
  ContainerMachine(Engine& engine, EventWatcher& events, MachineSpec spec,
                   std::unique_ptr<OfferedEngine> offered, std::unique_ptr<Container> container,
                   Deadline deadline, const CancelToken& cancel);
  ~ContainerMachine() override;

  /// Until the agent has answered. Throws Error(lost) with what is known of the cause.
  void await_agent(Deadline deadline, const CancelToken& cancel);

  const MachineSpec& spec() const override { return m_spec; }
  std::string workspace() const override { return "/nestbox"; }
  Transport& transport() override { return *m_transport; }
  Condition condition() override { return m_link->condition(); }
  void on_end(std::function<void(Condition)> handler) override {
    m_link->on_end(std::move(handler));
  }
  std::string console() const override { return m_link->console(); }
  Bytes private_memory() const override;
  void resume() override {}
  Snapshot save(Deadline deadline) override;

private:
  Engine& m_engine;
  EventWatcher& m_events;
  MachineSpec m_spec;
  std::unique_ptr<OfferedEngine> m_offered;
  std::unique_ptr<Container> m_container;
  std::unique_ptr<ContainerLink> m_link;
  std::unique_ptr<Transport> m_transport;
};

}  // namespace nestbox::docker
