#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "harness/base/clock.hpp"

namespace nestbox {

/// Where the machines of one world wait for each other. Any thread.
class BarrierBoard {
public:
  /// Blocks until each of `members` has arrived at barrier `name`, the caller itself as `machine`
  /// (empty: it is none, and only waits). That ends the round; who comes after begins another. A
  /// machine may arrive several times in one round.
  ///
  /// Throws Error(timeout), which names who is missing, when the deadline passes: for all that wait
  /// then; `patience` is the caller's time limit, for that message. Error(usage) for a machine that
  /// is no member and for members other than those of the round; Error(cancelled), and the caller
  /// has not arrived.
  void arrive(const std::string& name, const std::vector<std::string>& members,
              const std::string& machine, std::chrono::milliseconds patience, Deadline deadline,
              const CancelToken& cancel);

private:
  struct Round;

  std::mutex m_mutex;
  std::map<std::string, std::shared_ptr<Round>> m_rounds;  ///< not yet complete
};

}  // namespace nestbox
