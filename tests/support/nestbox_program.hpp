#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "harness/base/filesystem.hpp"
#include "harness/base/pipe.hpp"
#include "harness/base/subprocess.hpp"

namespace nestbox {

/// The built program as a user runs it, in a world of its own: home, state and temporary directory
/// are private, the cache is the tests' shared one (so that images are built once) or an own one.
/// Every process it starts carries a mark in its environment, so that what it leaves behind can be
/// found.
class NestboxProgram {
public:
  enum class Cache {
    shared,  ///< below the build folder; several tests at once
    image,   ///< an own one that holds the tiny guest's kernel and initramfs, but no live snapshot
    empty,
  };

  explicit NestboxProgram(Cache cache = Cache::shared);
  ~NestboxProgram();

  const fs::path& home() const { return m_home.path(); }
  const fs::path& cache() const { return m_cache; }  ///< what $XDG_CACHE_HOME/nestbox is
  fs::path newest_run() const;                       ///< the run directory that was made last

  /// A file below home(), executable; the returned path is absolute.
  fs::path write_script(const std::string& name, const std::string& text) const;

  std::map<std::string, std::string>
      environment;             ///< HOME, PATH, XDG_*, TMPDIR; a test may change it
  fs::path working_directory;  ///< home() at first

  ProcessSpec spec(std::vector<std::string> arguments) const;

  /// Runs it to its end. Error(timeout) when that takes longer than `limit`.
  Captured run(std::vector<std::string> arguments,
               std::chrono::seconds limit = std::chrono::minutes(5)) const;

  /// Command lines of the processes of this world that live now.
  std::vector<std::string> processes() const;

  /// Waits until no process of this world lives; false when some do after `limit`.
  bool processes_gone(std::chrono::seconds limit = std::chrono::seconds(10)) const;

private:
  TemporaryDirectory m_home;
  fs::path m_cache;
  std::string m_mark;
};

/// A running nestbox whose stdout and stderr can be waited on.
class RunningNestbox {
public:
  RunningNestbox(const NestboxProgram& program, std::vector<std::string> arguments);

  /// Reads until `text` has appeared in what it wrote; false when it ended or `limit` passed first.
  bool wait_for(const std::string& text, std::chrono::seconds limit = std::chrono::minutes(2));

  /// Reads to the end of output and returns the exit status.
  ExitStatus finish(std::chrono::seconds limit = std::chrono::minutes(5));

  const std::string& output() const { return m_output; }
  Process& process() { return m_process; }

private:
  RunningNestbox(const NestboxProgram& program, std::vector<std::string> arguments, Pipe pipe);
  bool read_some(Deadline deadline);

  FileDescriptor m_read;
  Process m_process;
  std::string m_output;
};

}  // namespace nestbox
