#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "harness/model/definition.hpp"
#include "harness/vm/bounds.hpp"
#include "runner/resource_pool.hpp"

namespace nestbox {

/// What is prepared once for all tests that share it: an environment, or a topology, as one driver
/// provides it.
struct EnvironmentUse {
  std::string driver;
  std::string acceleration;
  Environment environment;  ///< of a test without a topology
  double timeout_scale = 1.0;
  bool on_host = false;  ///< script mode: no machine of its own
  std::optional<Topology> topology{};
  std::map<std::string, Environment> machines{};  ///< of the topology's machines, by their names
  /// In which the process of a test with a topology runs, and the driver that makes it.
  std::optional<Environment> container{};
  std::string container_driver{};
  /// Of the driver, when its machines take nothing of this host's.
  std::optional<Bounds> bounds{};
  std::chrono::milliseconds start_limit{};  ///< as Capabilities::start_limit

  bool operator==(const EnvironmentUse&) const = default;

  const std::string& name() const { return topology ? topology->name : environment.name; }

  /// "environment 'debian'", "topology 'trio'", "machines of 'install'".
  std::string label() const;

  /// Of its machine, or of all of them: as they are wanted, or with `bounds` as they are given.
  Resources size() const;
};

}  // namespace nestbox
