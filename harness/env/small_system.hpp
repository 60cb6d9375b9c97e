#pragma once

#include <string>
#include <vector>

#include "harness/base/filesystem.hpp"

namespace nestbox {

/// The names that busybox goes by, from the root: "bin/sh", "usr/bin/awk". Runs it. Throws
/// Error(infrastructure).
std::vector<std::string> busybox_applets(const fs::path& busybox);

/// Fills `tree` (an ArchiveTree) with busybox by all its names and the few files that programs
/// expect.
template <class Tree>
void add_small_system(Tree& tree, const fs::path& busybox) {
  for (const char* folder : {"dev", "proc", "sys", "run", "etc", "root"})
    tree.directory(folder);
  tree.directory("tmp", 01777);
  tree.file("bin/busybox", read_file(busybox), 0755);
  for (const std::string& applet : busybox_applets(busybox))
    tree.symlink(applet, "/bin/busybox");
  tree.file("etc/passwd",
            "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n");
  tree.file("etc/group", "root:x:0:\nnogroup:x:65534:\n");
  tree.file("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n");
  tree.directory("var/tmp", 01777);
  tree.symlink("var/run", "/run");
}

}  // namespace nestbox
