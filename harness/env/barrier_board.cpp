#include "harness/env/barrier_board.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "harness/base/units.hpp"

namespace nestbox {

/// What those who wait share; guarded by the board's mutex, but for the event.
struct BarrierBoard::Round {
  std::vector<std::string> members;
  std::multiset<std::string> arrived;
  int waiting = 0;
  CancelSource ended;  ///< an event for all who wait
  std::optional<Error> failure;

  bool complete() const {
    return std::all_of(members.begin(), members.end(),
                       [this](const std::string& member) { return arrived.contains(member); });
  }

  /// "machines 'b' and 'c' did not arrive within 30 s (a did)"
  std::string shortfall(std::chrono::milliseconds patience) const {
    std::vector<std::string> missing;
    std::vector<std::string> there;
    for (const std::string& member : members)
      (arrived.contains(member) ? there : missing).push_back(member);
    return fmt::format("machine{} '{}' did not arrive within {} ({} did)",
                       missing.size() == 1 ? "" : "s", join(missing, "', '"),
                       format_duration(patience), there.empty() ? "none" : join(there, ", "));
  }
};

void BarrierBoard::arrive(const std::string& name, const std::vector<std::string>& members,
                          const std::string& machine, std::chrono::milliseconds patience,
                          Deadline deadline, const CancelToken& cancel) {
  const bool is_member = std::find(members.begin(), members.end(), machine) != members.end();
  if (!machine.empty() && !is_member)
    throw Error(ErrorCode::usage,
                fmt::format("barrier '{}': machine '{}' is not one of those that it is for: {}",
                            name, machine, join(members, ", ")));

  std::unique_lock lock(m_mutex);
  std::shared_ptr<Round>& place = m_rounds[name];
  if (!place) {
    place = std::make_shared<Round>();
    place->members = members;
  }
  const std::shared_ptr<Round> round = place;
  const auto as_set = [](const std::vector<std::string>& names) {
    return std::set<std::string>(names.begin(), names.end());
  };
  if (as_set(round->members) != as_set(members))
    throw Error(ErrorCode::usage,
                fmt::format("barrier '{}' is for {}, but others wait at it for {}", name,
                            join(members, ", "), join(round->members, ", ")));
  if (is_member)
    round->arrived.insert(machine);
  const auto end_round = [&] {
    m_rounds.erase(name);
    round->ended.cancel();
  };
  if (round->complete())
    return end_round();

  ++round->waiting;
  lock.unlock();
  const Wait wait = wait_readable(round->ended.token().descriptor(), deadline, cancel);
  lock.lock();
  --round->waiting;
  if (!round->ended.token().cancelled()) {
    if (wait == Wait::cancelled) {
      if (const auto found = round->arrived.find(machine); found != round->arrived.end())
        round->arrived.erase(found);
      if (round->waiting == 0)
        m_rounds.erase(name);
      cancel.throw_if_cancelled();
    }
    round->failure = Error(ErrorCode::timeout,
                           fmt::format("barrier '{}': {}", name, round->shortfall(patience)));
    end_round();
  }
  if (round->failure)
    throw *round->failure;
}

}  // namespace nestbox
