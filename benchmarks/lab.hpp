#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "benchmarks/docker_peer.hpp"
#include "benchmarks/libvirt_peer.hpp"
#include "harness/env/environment.hpp"
#include "harness/env/topology_environment.hpp"
#include "harness/vm/driver_registry.hpp"

namespace nestbox::bench {

/// What the measures share: the user's own cache, the QEMU driver under software emulation,
/// environments made ready when first asked for, and the peer.
class Lab {
public:
  /// `program` is the nestbox to measure.
  explicit Lab(fs::path program);
  ~Lab();

  const fs::path& program() const { return m_program; }
  Driver& driver() { return *m_driver; }

  /// By the name of a built-in environment, with so many wired interfaces; built first when absent.
  std::shared_ptr<PreparedEnvironment> environment(const std::string& name,
                                                   std::size_t interfaces = 0);

  /// As above, but on another driver than the lab's own.
  std::shared_ptr<PreparedEnvironment> environment_on(Driver& driver, const std::string& name,
                                                      std::size_t interfaces = 0);

  /// Built first when absent.
  std::shared_ptr<PreparedTopology> topology(const Definition& definition, const std::string& name);

  /// Started when first asked for; throws what DockerPeer's constructor throws.
  DockerPeer& docker();

  /// With a daemon of its own, started when first asked for; throws what LibvirtPeer's constructor
  /// throws.
  Driver& libvirt();

private:
  /// Throws Error(unsupported) when it does not work here.
  std::unique_ptr<Driver> make_driver(const std::string& name);

  fs::path m_program;
  LayerCache m_cache;
  std::unique_ptr<Progress> m_progress;
  DriverRegistry m_registry;
  std::unique_ptr<Driver> m_driver;
  std::map<std::pair<std::string, std::size_t>, std::shared_ptr<PreparedEnvironment>>
      m_environments;
  std::map<std::string, std::shared_ptr<PreparedTopology>> m_topologies;
  std::optional<DockerPeer> m_docker;
  std::optional<LibvirtPeer> m_libvirt;
  std::unique_ptr<Driver> m_libvirt_driver;
};

/// How long anything here may take before the benchmark gives up.
Deadline patience();

std::unique_ptr<Machine> new_machine(PreparedEnvironment& environment,
                                     Isolation isolation = Isolation::fork);

/// Runs it to its end; throws when it fails. `stopwatch` says when its first byte came.
struct Output {
  std::string text;
  double first_byte = 0;
};
class Stopwatch;
Output run_in(Machine& machine, const std::vector<std::string>& argv, const Stopwatch& stopwatch);

}  // namespace nestbox::bench
