#include "harness/vm/snapshot.hpp"

#include <gtest/gtest.h>

#include "harness/base/filesystem.hpp"

namespace nestbox {
namespace {

MachineSpec debian_machine(const fs::path& directory) {
  MachineSpec spec;
  spec.name = "template";
  spec.memory = gibibytes(1);
  spec.cores = 2;
  spec.kernel = "/layers/kernel/vmlinuz";
  spec.initramfs = "/layers/initramfs/disk.cpio";
  spec.kernel_arguments = "root=/dev/vda";
  spec.disk = directory / "disk.qcow2";
  spec.disk_format = "qcow2";
  spec.seed = "/layers/seed/seed.iso";
  spec.interfaces = {{"52:54:00:00:01:01"}, {"52:54:00:00:02:01"}};
  spec.network = NetworkAccess::user;
  spec.nested = true;
  spec.privileged = true;
  spec.docker = true;
  return spec;
}

TEST(Snapshot, ComesBackAsItWasStored) {
  const TemporaryDirectory directory;
  const Snapshot snapshot{directory.path(), debian_machine(directory.path())};
  store_snapshot(snapshot);
  EXPECT_EQ(load_snapshot(directory.path()).spec, snapshot.spec);
}

TEST(Snapshot, ForgetsWhereItWasMade) {
  const TemporaryDirectory directory;
  Snapshot snapshot{directory.path(), debian_machine(directory.path())};
  snapshot.spec.disk.reset();
  snapshot.spec.save_directory = directory.path();
  store_snapshot(snapshot);
  EXPECT_EQ(load_snapshot(directory.path()).spec.save_directory, std::nullopt);
  EXPECT_EQ(load_snapshot(directory.path()).spec.disk, std::nullopt);
}

TEST(Snapshot, CanBeMoved) {
  const TemporaryDirectory directory;
  const fs::path staging = directory.path() / "staging";
  const fs::path layer = directory.path() / "layer";
  fs::create_directory(staging);
  store_snapshot({staging, debian_machine(staging)});
  fs::rename(staging, layer);
  const Snapshot moved = load_snapshot(layer);
  EXPECT_EQ(moved.directory, layer);
  EXPECT_EQ(moved.spec.disk, layer / "disk.qcow2");
  EXPECT_EQ(moved.spec.kernel, "/layers/kernel/vmlinuz");
}

TEST(Snapshot, FindsTheLayersOfItsCacheWhereverThatIs) {
  const TemporaryDirectory directory;
  const fs::path staging = directory.path() / "here" / "staging" / "key.0123";
  fs::create_directories(staging);
  Snapshot snapshot{staging, debian_machine(staging)};
  snapshot.spec.kernel = directory.path() / "here" / "layers" / "k" / "vmlinuz";
  store_snapshot(snapshot);
  const fs::path layers = directory.path() / "there" / "layers";
  fs::create_directories(layers);
  fs::rename(staging, layers / "key");
  EXPECT_EQ(load_snapshot(layers / "key").spec.kernel, layers / "k" / "vmlinuz");
}

TEST(Snapshot, IsWrittenInOneForm) {
  const TemporaryDirectory directory;
  store_snapshot({directory.path(), debian_machine(directory.path())});
  EXPECT_EQ(read_file(directory.path() / k_snapshot_file), R"({
  "cores": 2,
  "disk": "disk.qcow2",
  "disk_format": "qcow2",
  "docker": true,
  "image": "",
  "initramfs": "/layers/initramfs/disk.cpio",
  "interfaces": [
    {
      "mac": "52:54:00:00:01:01"
    },
    {
      "mac": "52:54:00:00:02:01"
    }
  ],
  "kernel": "/layers/kernel/vmlinuz",
  "kernel_arguments": "root=/dev/vda",
  "memory": 1073741824,
  "name": "template",
  "nested": true,
  "network": "user",
  "privileged": true,
  "seed": "/layers/seed/seed.iso",
  "version": 3
}
)");
}

TEST(Snapshot, SaysThatThereIsNone) {
  const TemporaryDirectory directory;
  try {
    load_snapshot(directory.path());
    ADD_FAILURE() << "found";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::not_found);
  }
}

TEST(Snapshot, IsCorruptWhenItCannotBeReadBack) {
  const TemporaryDirectory directory;
  for (const char* text : {"", "{", "[]", "{}", "{\"version\": 1}", "{\"version\": \"1\"}"}) {
    write_file_atomically(directory.path() / k_snapshot_file, text);
    try {
      load_snapshot(directory.path());
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code, ErrorCode::corrupt) << text;
    }
  }
}

}  // namespace
}  // namespace nestbox
