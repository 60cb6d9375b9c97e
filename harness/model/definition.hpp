#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "harness/base/error.hpp"
#include "harness/base/units.hpp"
#include "harness/model/exposed_variable.hpp"
#include "harness/model/network_access.hpp"
#include "harness/model/topology.hpp"

/// The values of nestbox.yml, version 1: plain data, whole once loaded (defaults applied, `from`
/// followed). definition_loader makes them; content_key hashes them.
namespace nestbox {

/// What runs as PID 1 in the guest.
enum class Init {
  agent,    ///< our agent alone: boots in a second or two, no services
  systemd,  ///< the full system, the agent being one of its services
};

enum class Isolation {
  fork,   ///< a copy-on-write clone of the environment's live template
  fresh,  ///< a cold boot
};

/// One step of an environment, run as root in the machine, in order. Each is one cached layer.
struct RunStep {
  std::string script;  ///< given to `/bin/sh -e`; on Windows to PowerShell, which stops at errors
  bool operator==(const RunStep&) const = default;
};
struct CopyStep {
  std::string source;       ///< a file or a folder beside nestbox.yml, inside its directory
  std::string destination;  ///< absolute path in the machine
  bool operator==(const CopyStep&) const = default;
};
using Step = std::variant<RunStep, CopyStep>;

struct Environment {
  std::string name;
  std::string image = "debian:bookworm";  ///< "tiny", "debian:SUITE", or a driver's own
  Init init = Init::agent;
  Bytes memory = mebibytes(512);
  int cores = 1;
  NetworkAccess network = NetworkAccess::none;
  std::vector<std::string> packages;  ///< names of the image's package manager
  std::vector<Step> steps;
  std::map<std::string, std::string> variables;  ///< exported to the steps and to the tests
  bool privileged = false;                       ///< as Needs::privileged
  bool docker = false;                           ///< as Needs::docker
  bool windows = false;                          ///< as Needs::windows
  std::optional<SourceLocation> where;

  bool operator==(const Environment& other) const;  ///< all but `where`
};

/// What a test asks of the driver that runs it.
struct Needs {
  bool machine = false;    ///< `isolation: machine`: never on the host, never in a container
  bool container = false;  ///< `isolation: container`: never on the host; no machine is needed
  bool nested = false;     ///< a working /dev/kvm inside
  /// All that root may do to a kernel. A machine of its own gives that anyway; a container does
  /// only when asked.
  bool privileged = false;
  bool docker = false;   ///< DOCKER_HOST: a container engine as if it were the test's alone
  bool windows = false;  ///< a machine of Windows; else one of Linux, if the driver has any
  NetworkAccess network = NetworkAccess::none;
  std::optional<Bytes> memory;  ///< at least; raises the environment's
  std::optional<int> cores;     ///< at least; raises the environment's

  bool operator==(const Needs&) const = default;
};

/// The environment raised to what a test needs: memory and cores at least as much, network if
/// either asks for it.
Environment raised(Environment environment, const Needs& needs);

/// The environment as a machine of a topology has it: with its memory, cores and network.
Environment sized(Environment environment, const TopologyMachine& machine);

/// `Test::from` when the script runs on the host and drives the machines from there. No machine
/// bears this name.
inline constexpr const char* k_from_host = "host";

/// A unit of run: a script or a command, in one environment or in a world of machines.
struct Test {
  std::string name;  ///< unique within a definition; a path for discovered scripts
  /// argv; a string in YAML becomes {"/bin/sh", "-c", text}, or powershell_argv(text).
  std::vector<std::string> command;
  std::string
      script;  ///< the file that `command` runs, from the definition's directory; empty: none
  std::string environment = "debian";  ///< without a topology
  /// Instead: the world that it has for itself, one of Definition::topologies.
  std::optional<std::string> topology;
  std::string from;  ///< the machine of it on which `command` runs, or k_from_host
  /// With k_from_host: the environment of a container in which it runs.
  std::optional<std::string> container;
  std::vector<WorldStep> steps;  ///< instead of `command`: one after the other
  std::vector<std::string> markers;
  std::chrono::milliseconds timeout = std::chrono::minutes(5);
  Isolation isolation = Isolation::fork;
  Needs needs;
  std::map<std::string, std::string> variables;
  std::map<std::string, ExposedVariable> exposed;  ///< made from its topology's machines
  int repeat = 1;                                  ///< runs of it, each on its own machine
  int retries = 0;                  ///< of a *failed* test; zero unless the user asks
  std::optional<std::string> skip;  ///< the reason
  std::optional<std::string>
      expected_failure;  ///< the reason: failed counts as xfailed, passed as xpassed
  std::optional<SourceLocation> where;

  bool operator==(const Test& other) const;  ///< all but `where`
};

/// All that nestbox.yml says. A default-made one is what holds without a nestbox.yml.
struct Definition {
  Definition();

  std::map<std::string, Environment>
      environments;  ///< the built-in ones ('debian', 'tiny') among them
  /// Those of tests that have `machines` of their own among them, by the tests' names.
  std::map<std::string, Topology> topologies;
  std::vector<Test> tests;           ///< in the order written
  std::vector<std::string> markers;  ///< registered words beside the built-in ones; empty: any goes
  Test defaults;                     ///< what each discovered script starts from (`defaults:`)
};

/// The environments that exist without a nestbox.yml: "debian" (debian:bookworm, agent as PID 1,
/// 512 MiB), "debian-systemd" (the same with systemd, 1 GiB) and "tiny" (kernel, agent, busybox;
/// 256 MiB).
const std::map<std::string, Environment>& builtin_environments();

/// The markers that exist without being registered: vm, network, slow, unit, nested.
const std::vector<std::string>& builtin_markers();

}  // namespace nestbox
