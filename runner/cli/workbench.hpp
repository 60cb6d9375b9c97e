#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "harness/env/environment.hpp"
#include "harness/env/topology_environment.hpp"
#include "harness/vm/driver_registry.hpp"

namespace nestbox {

/// The cache, the drivers and their environments, each made when first asked for: a run that needs
/// no machine looks for no hypervisor. Any thread.
class Workbench {
public:
  struct Settings {
    AcceleratorPolicy accelerator = AcceleratorPolicy::prefer;
    bool use_sudo = false;
  };

  /// `progress` is told of everything that is built; both outlive the workbench.
  Workbench(const DriverRegistry& registry, Settings settings, Progress& progress);

  LayerCache& cache();
  Driver& driver(const std::string& name);  ///< Error(usage) for an unknown name
  Availability availability(const std::string& name);
  /// Whether this user's nestboxes have ever prepared a machine with it, as far as the state
  /// directory tells.
  static bool was_used(const std::string& driver);
  std::vector<std::string> driver_names() const { return m_registry.names(); }
  std::vector<std::string> driver_names(Cost cost) const { return m_registry.names(cost); }

  std::shared_ptr<PreparedEnvironment>
  prepare(const std::string& driver, const Environment& environment, const fs::path& base_directory,
          const CancelToken& cancel, std::size_t interfaces = 0);

  std::shared_ptr<PreparedTopology> prepare(const std::string& driver, const Definition& definition,
                                            const Topology& topology,
                                            const fs::path& base_directory,
                                            const CancelToken& cancel);

private:
  struct Bench {
    std::unique_ptr<Driver> driver;
    std::optional<Availability> availability;
    std::optional<EnvironmentBuilder> builder;
  };
  Bench& bench(const std::string& name);
  void note_use(const std::string& driver);

  const DriverRegistry& m_registry;
  Settings m_settings;
  Progress& m_progress;
  std::recursive_mutex m_mutex;  ///< making a driver may ask for the cache (its probe guest)
  std::optional<LayerCache> m_cache;
  std::map<std::string, Bench> m_benches;
};

/// "qemu: there is no … (apt-get install …)".
std::string absence(const std::string& driver, const Availability& availability);

/// For what wants a virtual machine of this host: `asked`, or for "auto" the first driver of them
/// that works. Throws Error(unsupported).
std::string machine_driver_or_throw(Workbench& workbench, const std::string& asked);

}  // namespace nestbox
