#include "harness/guest/agent/cgroups.hpp"

#include <unistd.h>

#include "harness/guest/agent/system.hpp"

namespace nestbox::agent {

namespace {

const std::string k_root = "/sys/fs/cgroup";

}  // namespace

std::string prepare_root_cgroup() {
  const std::string controllers = read_file((k_root + "/cgroup.controllers").c_str());
  if (access((k_root + "/cgroup.procs").c_str(), W_OK) != 0)
    return {};
  make_directories(k_root + "/nestbox/agent");
  write_file((k_root + "/nestbox/agent/cgroup.procs").c_str(), "0");
  // One at a time: a single controller that cannot be had would refuse the others with it.
  for (std::size_t begin = 0; begin < controllers.size();) {
    const std::size_t end = controllers.find_first_of(" \n", begin);
    const std::string name = controllers.substr(begin, end - begin);
    if (!name.empty())
      write_file((k_root + "/cgroup.subtree_control").c_str(), '+' + name);
    begin = end == std::string::npos ? controllers.size() : end + 1;
  }
  return k_root + "/nestbox";
}

std::string own_cgroup() {
  const std::string line = read_file("/proc/self/cgroup");
  if (!line.starts_with("0::/") || !line.ends_with('\n'))
    return {};
  return k_root + line.substr(3, line.size() - 4);
}

}  // namespace nestbox::agent
