#pragma once

#include <memory>
#include <optional>
#include <string>

#include "harness/base/clock.hpp"
#include "harness/env/layer_cache.hpp"
#include "harness/env/machine_options.hpp"
#include "harness/env/progress.hpp"
#include "harness/model/definition.hpp"
#include "harness/vm/driver.hpp"

namespace nestbox {

/// An environment made ready: its template (a live snapshot in the cache), or, for a driver that
/// cannot fork, what it takes to boot it and to run its steps again. Holds its layers in use. Any
/// thread.
class PreparedEnvironment {
public:
  virtual ~PreparedEnvironment() = default;

  virtual const Environment& definition() const = 0;

  /// A machine of its own, answered and thawed: identity and right clock its own. A template that
  /// restores to a dead guest is dropped, said so, and the machine booted cold instead.
  virtual std::unique_ptr<Machine> machine(const MachineOptions& options, Deadline deadline,
                                           const CancelToken& cancel) = 0;

  /// One of hostname `name`, a stranger to all others.
  std::unique_ptr<Machine> machine(const std::string& name, Isolation isolation, Deadline deadline,
                                   const CancelToken& cancel) {
    MachineOptions options;
    options.name = name;
    options.isolation = isolation;
    return machine(options, deadline, cancel);
  }

  /// Hash of all that its machines are made from.
  virtual std::string content() const = 0;

  /// The live snapshot that machines fork from; nothing with a driver that cannot fork.
  virtual std::optional<Snapshot> template_snapshot() const = 0;
};

/// Makes environments ready, building and caching what is missing, layer by layer.
class EnvironmentBuilder {
public:
  EnvironmentBuilder(LayerCache& cache, Driver& driver, Progress& progress);

  /// `base_directory` is where copy steps' sources and disks are (nestbox.yml's); `interfaces` is
  /// how many devices its machines have that are wired to something, all down until an identity
  /// says what they are. Two callers that need one layer, in one process or in two, build it once.
  /// Throws Error(infrastructure), Error(definition) for an unknown image, Error(cancelled).
  std::shared_ptr<PreparedEnvironment> prepare(const Environment& environment,
                                               const fs::path& base_directory,
                                               const CancelToken& cancel,
                                               std::size_t interfaces = 0);

  /// kernel and initramfs of the tiny image: also the accelerator probe's guest. Needs no machine
  /// to build.
  static std::pair<fs::path, fs::path> tiny_guest(LayerCache& cache, Progress& progress,
                                                  const CancelToken& cancel);

private:
  LayerCache& m_cache;
  Driver& m_driver;
  Progress& m_progress;
};

}  // namespace nestbox
