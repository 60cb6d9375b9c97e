#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "vmdrivers/docker/engine.hpp"

namespace nestbox::docker {

/// Something that an engine tells of a container.
struct ContainerEvent {
  std::string container;
  std::string action;  ///< "die", "oom", …
  int exit_code = 0;   ///< of "die"

  bool operator==(const ContainerEvent&) const = default;
};

/// Nothing for events of other things, or without what an event must have.
std::optional<ContainerEvent> parse_event(const nlohmann::json& event);

/// One thread that listens to an engine's events, from the first subscription on.
class EventWatcher {
public:
  using Handler = std::function<void(const ContainerEvent&)>;

  explicit EventWatcher(Engine& engine) : m_engine(engine) {}
  ~EventWatcher();

  /// Has `handler` called, on the watcher's thread, for each event of this container from now on.
  /// It must not block, nor call the watcher.
  void subscribe(const std::string& container, Handler handler);
  /// Once this returns, the handler is not being called.
  void unsubscribe(const std::string& container);

private:
  void listen(const std::string& since);
  void tell(const nlohmann::json& event);

  Engine& m_engine;
  CancelSource m_stop;
  std::mutex m_mutex;
  std::map<std::string, Handler> m_handlers;  ///< guarded by m_mutex
  bool m_listening = false;                   ///< guarded by m_mutex
  std::thread m_thread;
};

}  // namespace nestbox::docker
