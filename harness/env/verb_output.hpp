#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/env/verb_executor.hpp"

namespace nestbox {

/// The output of several machines as one: whole lines, each with its machine's name before it where
/// that is asked for. A line longer than 64 KiB comes as several. Any thread.
class VerbOutput {
public:
  /// `io` must outlive it; `machines` are those that will write.
  VerbOutput(const VerbIo& io, const std::vector<std::string>& machines);

  void write(const std::string& machine, OutputStream stream, std::string_view bytes);

  /// No more comes from the machine: its last lines are handed on though they have no end.
  void finish(const std::string& machine);

  /// The same for one whose command has ended, and tells how.
  void finish(const std::string& machine, const CommandResult& result);

  /// Words of the verb itself: whole lines.
  void say(OutputStream stream, std::string_view text);

private:
  void flush(const std::string& machine);
  void hand_on(const std::string& machine, OutputStream stream, std::string_view bytes);
  std::string with_name(const std::string& machine, std::string_view lines) const;

  const VerbIo& m_io;
  const bool m_by_line;
  const bool m_named;
  std::mutex m_mutex;
  std::map<std::pair<std::string, OutputStream>, std::string> m_rest;  ///< of lines without an end
};

}  // namespace nestbox
