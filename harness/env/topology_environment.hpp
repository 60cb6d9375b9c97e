#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "harness/env/build_context.hpp"
#include "harness/env/world.hpp"
#include "harness/model/definition.hpp"
#include "harness/vm/driver.hpp"

namespace nestbox {

struct WorldOptions {
  std::string run_name;                   ///< unique among live worlds
  std::uint64_t seed = 0;                 ///< of all that impaired networks leave to chance
  Isolation isolation = Isolation::fork;  ///< fresh: every machine boots, the setup is done again
};

/// A topology made ready: the templates of its machines' environments and, when it has a setup, the
/// set-up world as one layer, saved at one instant. Holds its layers in use. Any thread.
class PreparedTopology {
public:
  virtual ~PreparedTopology() = default;

  virtual const Topology& definition() const = 0;

  /// A world of its own, every machine answered and thawed. Two of them never meet. A saved world
  /// in which a machine is dead is dropped, said so, and made anew. Throws Error(infrastructure),
  /// Error(lost), Error(timeout), Error(cancelled), with the machine's name.
  virtual std::unique_ptr<World> world(const WorldOptions& options, Deadline deadline,
                                       const CancelToken& cancel) = 0;
};

/// The topology as a driver makes it that can do this: where any network will do, without ours when
/// it cannot make them.
Topology made_with(const Capabilities& can, const Topology& topology);

/// Whether the driver can make such worlds at all: Error(unsupported), pinned to the topology's
/// place, when it cannot.
void check_topology(Driver& driver, const Topology& topology);

/// Builds and caches what is missing. `base_directory` is nestbox.yml's: what steps copy lies below
/// it. Blocks. Throws what check_topology does, Error(definition), Error(infrastructure),
/// Error(cancelled).
std::shared_ptr<PreparedTopology> prepare_topology(const BuildContext& context, Driver& driver,
                                                   const Definition& definition,
                                                   const Topology& topology,
                                                   const fs::path& base_directory);

}  // namespace nestbox
