#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "harness/base/scope.hpp"
#include "harness/guest/agent/launch.hpp"

namespace nestbox::agent {

/// Starts commands so that all their descendants, daemonised ones too, can be ended. Each command
/// is born in its own cgroup, taken from a set that is kept and used again (making one costs more
/// than a fork). Without cgroups each runs below a supervisor process that inherits its orphans.
class ProcessTrees {
public:
  /// `cgroup_base`: a directory of a cgroup v2 hierarchy that is ours; empty: there is none.
  explicit ProcessTrees(std::string cgroup_base);

  struct Tree {
    pid_t main = -1;  ///< whose end is the command's end (the supervisor, which ends alike)
    std::optional<std::size_t> slot;
  };
  /// A negative errno in `main` when nothing was started. With `leaves_running` what the main
  /// process leaves behind is nobody's, unless killed before.
  Tree start(Launch& launch, bool leaves_running);

  /// SIGKILL to all of it. They are gone when `alive` says so, which may change at any SIGCHLD or
  /// at `events`.
  void kill(const Tree& tree);
  bool alive(const Tree& tree, bool main_reaped);
  /// A descriptor that polls EPOLLPRI when `alive` may have changed; -1: SIGCHLD says it all.
  int events(const Tree& tree) const;

  /// The tree is dead, or nobody cares any more.
  void release(const Tree& tree);

private:
  struct Slot {
    FileDescriptor leaf;    ///< directory that commands are born in
    FileDescriptor events;  ///< cgroup.events of its parent, so that cgroups made inside count too
    FileDescriptor kill;
    bool used = false;
  };
  std::optional<std::size_t> take_slot();
  bool populated(const Slot& slot) const;

  FileDescriptor m_base;
  std::vector<Slot> m_slots;
};

}  // namespace nestbox::agent
