#include "harness/env/world_watch.hpp"

#include <fmt/format.h>

#include <mutex>
#include <optional>
#include <utility>

#include "harness/base/result.hpp"
#include "harness/vm/console.hpp"

namespace nestbox {
namespace {

const char* words_for(Condition how) {
  switch (how) {
  case Condition::panicked:
    return "its kernel panicked";
  case Condition::stopped:
    return "it powered off or rebooted";
  case Condition::running:
  case Condition::lost:
    break;
  }
  return "it vanished";
}

}  // namespace

Error machine_ended(World& world, const std::string& machine, Condition how) {
  std::string message = fmt::format("machine '{}': {}", machine, words_for(how));
  if (const std::string lines = telling_lines(world.machine(machine).console()); !lines.empty())
    message += "\nits console said:\n" + lines;
  return Error(ErrorCode::lost, std::move(message));
}

void while_all_live(World& world, const CancelToken& cancel,
                    const std::function<void(const CancelToken&)>& action) {
  CancelSource stop(cancel);
  std::mutex mutex;
  std::optional<std::pair<std::string, Condition>> ended;
  world.on_end([&](const std::string& machine, Condition how) {
    const std::lock_guard lock(mutex);
    if (!ended)
      ended.emplace(machine, how);
    stop.cancel();
  });
  const ScopeExit forget([&] { world.on_end({}); });
  const Result<void> done = catch_error([&] { action(stop.token()); });
  cancel.throw_if_cancelled();
  const std::lock_guard lock(mutex);
  if (ended)
    throw machine_ended(world, ended->first, ended->second);
  value_or_throw(done);
}

}  // namespace nestbox
