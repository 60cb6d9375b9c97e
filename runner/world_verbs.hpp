#pragma once

#include <functional>
#include <optional>
#include <string>

#include "harness/env/verb_executor.hpp"
#include "runner/stage.hpp"
#include "runner/verb_channel.hpp"

namespace nestbox {

/// Does the verbs of one test in its world, and tells the listener of each. Timeouts in verbs are
/// stretched as all are under emulation. Any thread.
class WorldVerbs {
public:
  /// `place` is asked where and with what a machine's commands run, on the verb's thread.
  using Place = std::function<CommandPlace(const std::string& machine, const CancelToken& cancel)>;

  /// All outlive it.
  WorldVerbs(const StageParts& parts, World& world, Place place)
      : m_parts(parts), m_world(world), m_place(std::move(place)) {}

  /// A program's call, to its end; what goes wrong is said on its stderr. The exit code that it
  /// gets: the command's; 2 for what cannot be meant, 124 when its time was over, 125 for all else
  /// that went wrong.
  int answer(const std::string& caller, const VerbCall& call, VerbChannel& channel);

  /// The test's steps, until one fails. Throws Error(lost).
  Performance perform_steps(OutputRecorder& output, Deadline deadline, const CancelToken& cancel);

private:
  /// How it failed; nothing when it did not.
  std::optional<Performance> perform_step(std::size_t index, OutputRecorder& output,
                                          Deadline deadline, const CancelToken& cancel);
  VerbCaller caller_of_steps(const CancelToken& cancel) const;

  const StageParts m_parts;
  World& m_world;
  Place m_place;
};

/// The verb with its time limits stretched.
Verb stretched(Verb verb, double factor);

}  // namespace nestbox
