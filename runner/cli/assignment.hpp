#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/vm/driver.hpp"
#include "runner/execution.hpp"
#include "runner/marker_expr.hpp"

namespace nestbox {

/// Whether `--driver auto` runs a test on this host although machines are to be had: a test that
/// needs no machine and either is a `unit` test, or was chosen by a `-m` that would not have chosen
/// it as a `vm` test (`-m "not vm"`).
bool belongs_on_host(const Test& test, const MarkerExpression& markers);

/// Why a driver cannot run a test, whose topology is `world` when it has one; nothing when it can.
std::optional<std::string> unmet_need(const Test& test, const Topology* world,
                                      std::string_view driver, const Capabilities& can);

/// Why a driver cannot make an environment's machines; nothing when it can.
std::optional<std::string> unmet_environment(const Environment& environment,
                                             std::string_view driver, const Capabilities& can);

/// Both, of all that a test of `definition` runs in, and whether its machines can be had at once.
std::optional<std::string> why_not(const Test& test, const Definition& definition,
                                   std::string_view driver, const Capabilities& can);

/// What a driver is to a run.
struct DriverFacts {
  std::string name;
  Capabilities capabilities;
  std::string acceleration;
  double timeout_scale = 1.0;
};

/// A driver for one test.
struct DriverChoice {
  DriverChoice(const DriverFacts& chosen, std::string reason = {})
      : driver(chosen), why(std::move(reason)) {}

  const DriverFacts& driver;
  std::string why;  ///< for a person; empty: it was asked for
  /// Of the container in which the test's process runs, if it is to run in one; nothing when there
  /// is none, and why.
  const DriverFacts* container = nullptr;
  std::string no_container{};
};

/// Where a test runs: its environment, raised to what it needs, or its topology, with the container
/// of its process.
EnvironmentUse use_for(const Test& test, const Definition& definition, const DriverChoice& choice);

struct Assignment {
  std::vector<AssignedTest> tests;
  std::vector<EnvironmentUse> environments;  ///< each distinct one once, in the order of first use
};

/// Gives each test a driver (`choose`) and an environment of `definition`, or the reason why it is
/// skipped: its own `skip`, or a need that the driver cannot meet. Pure but for what `choose` does.
Assignment assign(std::vector<Test> tests, const Definition& definition,
                  const std::function<DriverChoice(const Test&)>& choose);

}  // namespace nestbox
