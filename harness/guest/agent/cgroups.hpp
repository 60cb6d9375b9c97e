#pragma once

#include <string>

namespace nestbox::agent {

/// For PID 1: moves it out of the root cgroup and enables all controllers there, as container
/// runtimes need it. The directory for the cgroups of commands; empty when there is no cgroup v2.
std::string prepare_root_cgroup();

/// For a service: the directory of the cgroup that the service manager put us in; empty when there
/// is none.
std::string own_cgroup();

}  // namespace nestbox::agent
