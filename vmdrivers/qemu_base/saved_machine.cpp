#include "vmdrivers/qemu_base/saved_machine.hpp"

#include <unistd.h>

#include "harness/base/filesystem.hpp"
#include "harness/vm/snapshot.hpp"
#include "vmdrivers/qemu_base/image.hpp"

namespace nestbox::qemu {
namespace {

fs::perms saved_permissions(const fs::path& file) {
  const fs::perms readable = fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read;
  // Before 8.2, QEMU opens a RAM file for writing even when it maps it privately: its owner must be
  // allowed to, unless root, who always is.
  const bool owner_writes = file.filename() == k_ram_file && ::geteuid() != 0;
  return owner_writes ? readable | fs::perms::owner_write : readable;
}

}  // namespace

void give_disk_of_its_own(MachineSpec& spec, Deadline deadline, const CancelToken& cancel) {
  if (!spec.disk || !spec.save_directory)
    return;
  const fs::path disk = *spec.save_directory / k_disk_file;
  create_overlay(disk, *spec.disk, spec.disk_format, deadline, cancel);
  spec.disk = disk;
  spec.disk_format = "qcow2";
}

nlohmann::json migration_capabilities() {
  nlohmann::json list = nlohmann::json::array();
  for (const char* name : {"x-ignore-shared", "events"})
    list.push_back({{"capability", name}, {"state", true}});
  return {{"capabilities", list}};
}

Snapshot seal_snapshot(const MachineSpec& spec) {
  const fs::path directory = *spec.save_directory;
  punch_zero_pages(directory / k_ram_file);
  Snapshot snapshot{directory, spec};
  snapshot.spec.save_directory.reset();
  store_snapshot(snapshot);
  for (const auto& entry : fs::directory_iterator(directory))
    fs::permissions(entry.path(), saved_permissions(entry.path()));
  return snapshot;
}

}  // namespace nestbox::qemu
