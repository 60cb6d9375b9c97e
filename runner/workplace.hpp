#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "harness/vm/machine.hpp"
#include "runner/environment_use.hpp"
#include "runner/run_context.hpp"

namespace nestbox {

/// A machine as one execution of a test finds it: the source tree in it, directories for what it
/// leaves, variables that say where all is. Lives as long as the machine; any thread.
class Workplace {
public:
  /// What a workplace is made from; all outlive it.
  struct Parts {
    const RunContext& context;
    const EnvironmentUse& use;
    const TestRun& run;
    Machine& machine;
    const Environment& environment;                  ///< of this machine
    bool on_host = false;                            ///< the machine is this host
    std::string name;                                ///< NESTBOX_MACHINE
    std::map<std::string, std::string> variables{};  ///< beside those of every workplace
    /// Directories that come first in variables like PATH.
    std::map<std::string, std::string> search_paths{};
    std::filesystem::path python_module{};  ///< a file for `workspace`/python; empty: none
  };

  explicit Workplace(Parts parts) : m_parts(std::move(parts)) {}

  const std::string& name() const { return m_parts.name; }
  Machine& machine() const { return m_parts.machine; }
  bool on_host() const { return m_parts.on_host; }

  /// Brings directories and files in, the first time it is called. Throws what Transport::put does.
  void lay_out(const CancelToken& cancel);
  bool laid_out() const;

  /// Where a command starts: what RunContext::start_directory is on the host. Once laid out.
  std::string start_directory() const;
  std::map<std::string, std::string> variables() const;
  /// `argv`, with both.
  Command command(std::vector<std::string> argv) const;

  /// Brings back, once laid out, what TEST_OUTPUT_DIR holds, into `artifacts`, and what
  /// TEST_CCACHE_DIR keeps. Throws what Transport::get does.
  void fetch(const std::filesystem::path& artifacts, const CancelToken& cancel) const;

private:
  /// In the machine's own words, the parts of the workspace's directory.
  std::string inside(const std::string& name) const;
  Deadline file_deadline() const;
  std::filesystem::path kept_directory() const;
  void keep_ccache(const CancelToken& cancel) const;

  Parts m_parts;
  mutable std::mutex m_mutex;
  std::string m_start;  ///< empty: not laid out yet
};

/// Copies the source tree to `workspace`/src and returns the directory in the machine where a
/// command starts: what `start_directory` is on the host.
std::string put_source_tree(Machine& machine, const WorkTree& tree,
                            const std::filesystem::path& start_directory, Deadline deadline,
                            const CancelToken& cancel);

/// As emulation stretches it.
std::chrono::nanoseconds scaled(std::chrono::nanoseconds duration, const EnvironmentUse& use);

}  // namespace nestbox
