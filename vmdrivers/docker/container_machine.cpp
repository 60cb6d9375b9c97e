#include "vmdrivers/docker/container_machine.hpp"

#include <fmt/format.h>

#include "harness/base/filesystem.hpp"
#include "harness/base/log.hpp"
#include "harness/base/socket_pair.hpp"
#include "harness/base/text.hpp"
#include "harness/guest/agent_transport.hpp"
#include "harness/model/name_rules.hpp"
#include "harness/vm/snapshot.hpp"
#include "vmdrivers/docker/container_removal.hpp"
#include "vmdrivers/docker/container_transport.hpp"
#include "vmdrivers/docker/hijacked_stream.hpp"
#include "vmdrivers/docker/requests.hpp"

namespace nestbox::docker {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

/// How long an engine may take to end a container and to remove what it wrote.
constexpr auto k_removal_time = 60s;
constexpr auto k_question_time = 10s;

}  // namespace

Container::~Container() {
  if (const Result<void> removed =
          remove_container(m_engine, m_id, Deadline::after(k_removal_time));
      !removed)
    log(LogLevel::warning,
        fmt::format("container '{}' could not be removed: {}", m_id, removed.error().message));
}

ContainerMachine::ContainerMachine(Engine& engine, EventWatcher& events, MachineSpec spec,
                                   std::unique_ptr<OfferedEngine> offered,
                                   std::unique_ptr<Container> container, Deadline deadline,
                                   const CancelToken& cancel)
    : m_engine(engine), m_events(events), m_spec(std::move(spec)), m_offered(std::move(offered)),
      m_container(std::move(container)) {
  HijackedStream stream =
      hijack(engine.socket(),
             engine.version_prefix(deadline, cancel)
                 + m_container->path("/attach?stream=1&stdin=1&stdout=1&stderr=1"),
             deadline, cancel);
  SocketPair ends;
  m_link = std::make_unique<ContainerLink>(std::move(stream.connection), std::move(ends.theirs));
  m_events.subscribe(m_container->id(), [link = m_link.get()](const ContainerEvent& event) {
    if (event.action == "die")
      link->exited(event.exit_code);
  });
  ScopeExit unsubscribe([&] { m_events.unsubscribe(m_container->id()); });
  engine.call({.method = "POST", .path = m_container->path("/start")}, deadline, cancel);
  if (m_offered)
    m_offered->hide();
  m_transport = make_container_transport(make_agent_transport(std::move(ends.ours)), engine,
                                         m_container->id(), hostname_from(m_spec.name));
  unsubscribe.dismiss();
}

ContainerMachine::~ContainerMachine() {
  m_link->quit();
  m_events.unsubscribe(m_container->id());
  m_transport.reset();
  m_container.reset();
}

void ContainerMachine::await_agent(Deadline deadline, const CancelToken& cancel) {
  const Result<void> answered = catch_error([&] { m_transport->ping(deadline, cancel); });
  if (answered)
    return;
  cancel.throw_if_cancelled();
  std::string message =
      fmt::format("container '{}' did not answer: {}", m_spec.name, answered.error().message);
  if (const std::string_view said = trim(console()); !said.empty())
    message += "\nit said:\n" + printable(said.substr(said.size() > 2000 ? said.size() - 2000 : 0));
  throw Error(ErrorCode::lost, message);
}

Bytes ContainerMachine::private_memory() const {
  const Result<json> stats = catch_error([&] {
    return m_engine.call({.path = m_container->path("/stats?stream=0&one-shot=1")},
                         Deadline::after(k_question_time));
  });
  return stats ? used_memory(*stats) : Bytes{};
}

Snapshot ContainerMachine::save(Deadline deadline) {
  if (!m_spec.save_directory)
    throw Error(ErrorCode::unsupported, "machine '" + m_spec.name + "' was not made to be saved");
  m_link->quit();
  try {
    Labels labels = owner_labels();
    labels[k_agent_label] = agent_digest();
    const json reply = m_engine.call({.method = "POST",
                                      .path = "/commit" + query({{"container", m_container->id()}}),
                                      .body = json({{"Labels", labels}})},
                                     deadline);
    Snapshot snapshot{*m_spec.save_directory, m_spec};
    snapshot.spec.save_directory.reset();
    snapshot.spec.disk.reset();
    snapshot.spec.disk_format = "raw";
    snapshot.spec.image = id_of(reply);
    store_snapshot(snapshot);
    m_transport.reset();
    return snapshot;
  } catch (const Error& error) {
    throw error.during("saving machine '" + m_spec.name + "' (driver docker)");
  }
}

}  // namespace nestbox::docker
