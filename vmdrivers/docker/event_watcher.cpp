#include "vmdrivers/docker/event_watcher.hpp"

#include <fmt/format.h>

#include <charconv>

#include "harness/base/error.hpp"
#include "harness/base/owner.hpp"
#include "vmdrivers/docker/json_lines.hpp"
#include "vmdrivers/docker/json_text.hpp"

namespace nestbox::docker {
namespace {

using nlohmann::json;

/// "1700000000.000000001", as the engine takes a time.
std::string engine_time_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
  return fmt::format("{}.{:09}", nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000);
}

}  // namespace

std::optional<ContainerEvent> parse_event(const json& event) {
  if (!event.is_object() || text_at(event, "Type") != "container" || !event.contains("Actor"))
    return std::nullopt;
  const json& actor = event["Actor"];
  ContainerEvent parsed{.container = text_at(actor, "ID"), .action = text_at(event, "Action")};
  if (parsed.container.empty() || parsed.action.empty())
    return std::nullopt;
  if (actor.contains("Attributes")) {
    const std::string code = text_at(actor["Attributes"], "exitCode");
    std::from_chars(code.data(), code.data() + code.size(), parsed.exit_code);
  }
  return parsed;
}

EventWatcher::~EventWatcher() {
  m_stop.cancel();
  if (m_thread.joinable())
    m_thread.join();
}

void EventWatcher::subscribe(const std::string& container, Handler handler) {
  const std::lock_guard lock(m_mutex);
  m_handlers[container] = std::move(handler);
  if (m_listening)
    return;
  if (m_thread.joinable())
    m_thread.join();
  m_listening = true;
  m_thread = std::thread([this, since = engine_time_now()] { listen(since); });
}

void EventWatcher::unsubscribe(const std::string& container) {
  const std::lock_guard lock(m_mutex);
  m_handlers.erase(container);
}

void EventWatcher::listen(const std::string& since) {
  JsonLines lines;
  EngineRequest request;
  request.path =
      "/events"
      + query({{"since", since},
               {"filters",
                json({{"type", {"container"}},
                      {"event", {"die", "oom"}},
                      {"label", {std::string(k_owner_label) + "=" + to_string(this_owner())}}})
                    .dump()}});
  request.sink = [&](std::string_view bytes) {
    lines.feed(bytes, [this](const json& event) { tell(event); });
  };
  // How it ends does not matter: a machine knows by its own connection that its engine is gone.
  static_cast<void>(
      catch_error([&] { m_engine.call(request, Deadline::never(), m_stop.token()); }));
  const std::lock_guard lock(m_mutex);
  m_listening = false;
}

void EventWatcher::tell(const json& event) {
  const std::optional<ContainerEvent> parsed = parse_event(event);
  if (!parsed)
    return;
  const std::lock_guard lock(m_mutex);
  if (const auto found = m_handlers.find(parsed->container); found != m_handlers.end())
    found->second(*parsed);
}

}  // namespace nestbox::docker
