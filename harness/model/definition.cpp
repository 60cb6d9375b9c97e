#include "harness/model/definition.hpp"

#include <algorithm>
#include <tuple>

namespace nestbox {

namespace {

Environment builtin(std::string name, std::string image, Init init, Bytes memory) {
  Environment environment;
  environment.name = std::move(name);
  environment.image = std::move(image);
  environment.init = init;
  environment.memory = memory;
  return environment;
}

auto identity(const Environment& e) {
  return std::tie(e.name, e.image, e.init, e.memory, e.cores, e.network, e.packages, e.steps,
                  e.variables, e.privileged, e.docker, e.windows);
}

auto identity(const Test& t) {
  return std::tie(t.name, t.command, t.script, t.environment, t.topology, t.from, t.container,
                  t.steps, t.markers, t.timeout, t.isolation, t.needs, t.variables, t.exposed,
                  t.repeat, t.retries, t.skip, t.expected_failure);
}

}  // namespace

bool Environment::operator==(const Environment& other) const {
  return identity(*this) == identity(other);
}

bool Test::operator==(const Test& other) const {
  return identity(*this) == identity(other);
}

Definition::Definition() : environments(builtin_environments()) {}

Environment raised(Environment environment, const Needs& needs) {
  environment.memory = std::max(environment.memory, needs.memory.value_or(Bytes{}));
  environment.cores = std::max(environment.cores, needs.cores.value_or(1));
  if (needs.network == NetworkAccess::user)
    environment.network = NetworkAccess::user;
  environment.privileged = environment.privileged || needs.privileged;
  environment.docker = environment.docker || needs.docker;
  environment.windows = environment.windows || needs.windows;
  return environment;
}

Environment sized(Environment environment, const TopologyMachine& machine) {
  environment.memory = machine.memory.value_or(environment.memory);
  environment.cores = machine.cores.value_or(environment.cores);
  environment.network = machine.network;
  return environment;
}

const std::map<std::string, Environment>& builtin_environments() {
  static const std::map<std::string, Environment> environments = {
      {"debian", builtin("debian", "debian:bookworm", Init::agent, mebibytes(512))},
      {"debian-systemd", builtin("debian-systemd", "debian:bookworm", Init::systemd, gibibytes(1))},
      {"tiny", builtin("tiny", "tiny", Init::agent, mebibytes(256))},
  };
  return environments;
}

const std::vector<std::string>& builtin_markers() {
  static const std::vector<std::string> markers = {"vm", "network", "slow", "unit", "nested"};
  return markers;
}

}  // namespace nestbox
