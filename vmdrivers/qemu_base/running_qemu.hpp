#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "vmdrivers/qemu_base/watcher.hpp"

namespace nestbox::qemu {

/// One QEMU, whoever started it. Dropping it ends it. Any thread.
class RunningQemu {
public:
  virtual ~RunningQemu() = default;

  virtual Watcher& watcher() = 0;

  /// Sends a command of QMP, `descriptor` (unless -1) being passed along, and waits for its answer.
  /// Throws Error(infrastructure) naming the command when it is refused, Error(lost) when QEMU has
  /// gone, Error(timeout).
  virtual nlohmann::json ask(const std::string& command, const nlohmann::json& arguments,
                             int descriptor, Deadline deadline) = 0;

  /// Lets a guest run that was started paused, as soon as its state is loaded.
  virtual void resume() = 0;

  /// Ends it, because that is wanted. False when it has not ended by the deadline.
  virtual bool end(Deadline deadline) = 0;

  /// What it was told and refused to do, where the answer was not waited for.
  virtual std::optional<Error> refusal() const = 0;
  /// Of one that has ended by itself: why, in one line that continues "qemu ended"; may be empty.
  virtual std::string last_words() const = 0;
};

}  // namespace nestbox::qemu
