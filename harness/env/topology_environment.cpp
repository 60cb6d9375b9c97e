#include "harness/env/topology_environment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <random>

#include "harness/base/hash.hpp"
#include "harness/base/log.hpp"
#include "harness/env/environment.hpp"
#include "harness/env/machine_identity.hpp"
#include "harness/env/world_files.hpp"
#include "harness/env/world_setup.hpp"
#include "harness/model/content_key.hpp"

namespace nestbox {
namespace {

constexpr const char* k_format = "1";
constexpr auto k_make_limit = std::chrono::minutes(15);
constexpr auto k_setup_limit = std::chrono::hours(2);

using Environments = std::map<std::string, std::shared_ptr<PreparedEnvironment>>;

class TopologyEnvironment final : public PreparedTopology {
public:
  TopologyEnvironment(LayerCache& cache, Driver& driver, const Topology& topology,
                      Environments environments, WorldSetup setup)
      : m_cache(cache), m_driver(driver), m_topology(topology),
        m_environments(std::move(environments)), m_setup(std::move(setup)) {}

  const Topology& definition() const override { return m_topology; }

  /// Makes the saved world unless there is one.
  void prepare(Progress& progress, const CancelToken& cancel) {
    if (!m_setup.empty())
      m_saved = find_or_build(progress, cancel);
  }

  std::unique_ptr<World> world(const WorldOptions& options, Deadline deadline,
                               const CancelToken& cancel) override {
    if (options.isolation == Isolation::fork && !m_setup.empty())
      return forked(options, deadline, cancel);
    auto world = std::make_unique<World>(plan(options), deadline, cancel);
    SilentProgress silence;
    m_setup.apply(*world, silence, deadline, cancel);
    return world;
  }

private:
  WorldPlan plan(const WorldOptions& options) const {
    WorldPlan plan;
    plan.topology = m_topology;
    plan.run_name = options.run_name;
    plan.seed = options.seed;
    plan.isolation = options.isolation;
    for (const auto& [machine, environment] : m_environments)
      plan.environments.emplace(machine, environment->definition());
    plan.make = [this](const TopologyMachine& machine, const MachineOptions& machine_options,
                       Deadline deadline, const CancelToken& cancel) {
      return m_environments.at(machine.name)->machine(machine_options, deadline, cancel);
    };
    return plan;
  }

  std::string key() const {
    std::vector<std::string> environment_keys;
    for (const TopologyMachine& machine : m_topology.machines) {
      const PreparedEnvironment& environment = *m_environments.at(machine.name);
      Sha256 hash;
      hash.field("content", environment.content());
      for (const auto& [name, value] : environment.definition().variables)
        hash.field(name, value);
      environment_keys.push_back(hash.hex());
    }
    return Sha256()
        .field("layer", "world")
        .field("format", k_format)
        .field("driver", m_driver.name())
        .field("host", m_driver.snapshot_key())
        .field("topology", content_key(m_topology, environment_keys, m_setup.content_hashes()))
        .hex();
  }

  std::shared_ptr<const Layer> find_or_build(Progress& progress, const CancelToken& cancel) const {
    const std::string what = fmt::format("topology '{}'", m_topology.name);
    const auto build = [&](const fs::path& staging) {
      const Activity activity(progress, "building " + what);
      WorldPlan wanted = plan({.run_name = unique_name()});
      wanted.save_directory = staging;
      World world(std::move(wanted), Deadline::after(k_make_limit), cancel);
      m_setup.apply(world, progress, Deadline::after(k_setup_limit), cancel);
      save_world(world, staging, cancel);
    };
    auto layer = std::make_shared<const Layer>(m_cache.find_or_build(
        {.key = key(), .kind = "world", .description = what, .build = build}, cancel));
    for (const auto& [name, snapshot] : load_world(layer->directory(), m_topology).machines)
      m_driver.keep(snapshot);
    return layer;
  }

  std::string unique_name() const {
    std::random_device random;
    return fmt::format("{}-setup-{:08x}", m_topology.name, random());
  }

  std::unique_ptr<World> forked(const WorldOptions& options, Deadline deadline,
                                const CancelToken& cancel) {
    std::shared_ptr<const Layer> layer = saved();
    try {
      return forked(*layer, options, deadline, cancel);
    } catch (const Error& error) {
      if (error.code != ErrorCode::lost && fs::exists(layer->directory()))
        throw;
      layer = renewed(layer, error, cancel);
    }
    return forked(*layer, options, deadline, cancel);
  }

  std::unique_ptr<World> forked(const Layer& layer, const WorldOptions& options, Deadline deadline,
                                const CancelToken& cancel) {
    const SavedWorld saved = load_world(layer.directory(), m_topology);
    WorldPlan wanted = plan(options);
    wanted.switch_states = saved.switch_states;
    wanted.make = [&](const TopologyMachine& machine, const MachineOptions& machine_options,
                      Deadline until, const CancelToken& stop) {
      auto made = m_driver.fork(saved.machines.at(machine.name),
                                {.name = machine_options.name, .cables = machine_options.cables},
                                until, stop);
      made->transport().thaw(identity_of(machine_options), until);
      return made;
    };
    return std::make_unique<World>(std::move(wanted), deadline, cancel);
  }

  std::shared_ptr<const Layer> saved() const {
    const std::lock_guard lock(m_mutex);
    return m_saved;
  }

  /// The world that takes the place of a dead one; made by the first who finds it dead.
  std::shared_ptr<const Layer> renewed(const std::shared_ptr<const Layer>& dead, const Error& why,
                                       const CancelToken& cancel) {
    const std::lock_guard lock(m_mutex);
    if (m_saved != dead)
      return m_saved;
    log(LogLevel::warning,
        fmt::format("the saved world of topology '{}' does not come back to life and is made anew: "
                    "{}",
                    m_topology.name, why.message));
    m_cache.drop(dead->key());
    SilentProgress silence;
    m_saved = find_or_build(silence, cancel);
    return m_saved;
  }

  LayerCache& m_cache;
  Driver& m_driver;
  const Topology m_topology;
  const Environments m_environments;
  const WorldSetup m_setup;

  mutable std::mutex m_mutex;
  std::shared_ptr<const Layer> m_saved;  ///< guarded by m_mutex
};

}  // namespace

Topology made_with(const Capabilities& can, const Topology& topology) {
  return topology.any_network && !can.ethernet ? without_networks(topology) : topology;
}

void check_topology(Driver& driver, const Topology& topology) {
  const Capabilities can = driver.capabilities();
  const auto refuse = [&](std::string_view what) {
    const Error error(ErrorCode::unsupported,
                      fmt::format("driver '{}' cannot {}; topology '{}' needs it", driver.name(),
                                  what, topology.name),
                      "use driver 'qemu'");
    throw topology.where ? error.at(*topology.where) : error;
  };
  if (topology.any_network) {
    if (!can.ethernet && !can.peers)
      refuse("make machines that reach each other");
    return;
  }
  if (!can.machine)
    refuse("make machines of their own");
  if (!can.ethernet)
    refuse("wire machines to each other");
  if (!can.fork)
    refuse("fork a running machine");
}

std::shared_ptr<PreparedTopology> prepare_topology(const BuildContext& context, Driver& driver,
                                                   const Definition& definition,
                                                   const Topology& topology,
                                                   const fs::path& base_directory) {
  check_topology(driver, topology);
  WorldSetup setup(topology, base_directory);
  EnvironmentBuilder builder(context.cache, driver, context.progress);
  // One template serves all machines that differ only in name.
  std::vector<std::pair<std::size_t, std::shared_ptr<PreparedEnvironment>>> distinct;
  Environments environments;
  for (const TopologyMachine& machine : topology.machines) {
    const Environment wanted = sized(definition.environments.at(machine.environment), machine);
    const auto same = std::find_if(distinct.begin(), distinct.end(), [&](const auto& known) {
      return known.first == machine.links.size() && known.second->definition() == wanted;
    });
    if (same == distinct.end()) {
      distinct.emplace_back(
          machine.links.size(),
          builder.prepare(wanted, base_directory, context.cancel, machine.links.size()));
      environments[machine.name] = distinct.back().second;
    } else {
      environments[machine.name] = same->second;
    }
  }
  auto prepared = std::make_shared<TopologyEnvironment>(context.cache, driver, topology,
                                                        std::move(environments), std::move(setup));
  prepared->prepare(context.progress, context.cancel);
  return prepared;
}

}  // namespace nestbox
