#include "harness/env/disk_image.hpp"

#include <gtest/gtest.h>

#include "harness/base/filesystem.hpp"
#include "harness/env/file_stamp.hpp"
#include "harness/env/own_disk.hpp"
#include "tests/support/progress_recorder.hpp"

namespace nestbox {
namespace {

std::string big_endian(std::uint64_t value, std::size_t size) {
  std::string bytes;
  for (std::size_t i = size; i-- > 0;)
    bytes += static_cast<char>(value >> (8 * i) & 0xff);
  return bytes;
}

/// The head of a qcow2 of version 3 and 2 GiB.
std::string qcow2() {
  std::string head(512, '\0');
  head.replace(0, 8, "QFI\xfb" + big_endian(3, 4));
  head.replace(24, 8, big_endian(gibibytes(2).count, 8));
  return head;
}

std::string with(std::string head, std::size_t offset, const std::string& bytes) {
  return head.replace(offset, bytes.size(), bytes);
}

std::string raw() {
  return std::string(510, '\0') + "\x55\xaa";
}

std::string refusal(std::string_view head, Bytes size = gibibytes(1)) {
  const Result<DiskImage> image = parse_disk_image(head, size);
  EXPECT_TRUE(!image && image.error().code == ErrorCode::definition);
  return image ? "" : image.error().message;
}

TEST(DiskImage, IsKnownByItsFirstBytes) {
  EXPECT_EQ(*parse_disk_image(qcow2(), mebibytes(1)), (DiskImage{"qcow2", gibibytes(2)}));
  EXPECT_EQ(*parse_disk_image(raw(), gibibytes(3)), (DiskImage{"raw", gibibytes(3)}));
  // Version 2 has no features: what stands in their place is something else.
  EXPECT_TRUE(parse_disk_image(with(with(qcow2(), 4, big_endian(2, 4)), 72, std::string(8, '\xff')),
                               mebibytes(1)));
}

TEST(DiskImage, IsRefusedWhenItNeedsAnotherFile) {
  EXPECT_EQ(refusal(with(qcow2(), 8, big_endian(0x1000, 8))),
            "shows what another file holds (its backing file)");
  EXPECT_EQ(refusal(with(qcow2(), 72, big_endian(1U << 2, 8))), "has its data in another file");
}

TEST(DiskImage, IsRefusedWhenItCannotBeBooted) {
  EXPECT_EQ(refusal(with(qcow2(), 32, big_endian(1, 4))), "is encrypted");
  EXPECT_EQ(refusal(with(qcow2(), 72, big_endian(1U << 1, 8))), "is marked as corrupt");
  EXPECT_EQ(refusal(with(qcow2(), 4, big_endian(4, 4))), "is no qcow2 of version 2 or 3");
  EXPECT_EQ(refusal(qcow2().substr(0, 60)), "is no qcow2 of version 2 or 3");
  const std::string neither = "is neither a qcow2 nor a raw disk with a boot sector";
  EXPECT_EQ(refusal("KDMV" + std::string(508, '\0')), neither);
  EXPECT_EQ(refusal("\x55\xaa"), neither);
  EXPECT_EQ(refusal(""), neither);
}

TEST(DiskImage, IsBounded) {
  EXPECT_EQ(refusal(raw(), gibibytes(5000)), "is a disk of more than 4 TiB");
  EXPECT_EQ(refusal(with(qcow2(), 24, std::string(8, '\xff'))), "is a disk of more than 4 TiB");
}

class OwnDisk : public testing::Test {
protected:
  void write(const std::string& bytes) const { write_file_atomically(m_file, bytes); }
  Layer layer() { return own_disk_layer({m_cache, m_progress, {}}, m_file); }

  TemporaryDirectory m_folder;
  fs::path m_file = m_folder.path() / "disk.raw";
  LayerCache m_cache{m_folder.path() / "cache"};
  ProgressRecorder m_progress;
};

TEST_F(OwnDisk, IsCopiedSoThatALaterChangeMakesAnother) {
  write(raw() + "one");
  const Layer one = layer();
  EXPECT_EQ(layer().key(), one.key());
  write(raw() + "two");
  EXPECT_NE(layer().key(), one.key());
  EXPECT_EQ(read_file(one.directory() / "disk"), raw() + "one");
  write(raw() + "one");
  EXPECT_EQ(layer().key(), one.key());
}

TEST_F(OwnDisk, IsRefusedByNameBeforeItIsCopied) {
  write("no disk");
  try {
    layer();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::definition);
    EXPECT_EQ(error.message,
              "'" + m_file.string() + "' is neither a qcow2 nor a raw disk with a boot sector");
  }
  EXPECT_TRUE(m_cache.list().empty());
}

TEST_F(OwnDisk, IsNotReadAgainUnlessItHasChanged) {
  write("one");
  const fs::path notes = m_folder.path() / "notes";
  while (file_stamp(m_file).empty()) {
  }
  const std::string digest = known_digest(m_file, notes);
  const fs::path note = fs::directory_iterator(notes)->path();
  write_file_atomically(note, file_stamp(m_file) + "\nremembered\n");
  EXPECT_EQ(known_digest(m_file, notes), "remembered");
  write("two");
  EXPECT_NE(known_digest(m_file, notes), "remembered");
  write("one");
  EXPECT_EQ(known_digest(m_file, notes), digest);
}

TEST_F(OwnDisk, IsToldByASeedForItsNetwork) {
  const auto seed = [&](NetworkAccess network) {
    return seed_layer({m_cache, m_progress, {}}, network);
  };
  const Layer user = seed(NetworkAccess::user);
  EXPECT_NE(user.key(), seed(NetworkAccess::none).key());
  const std::string iso = read_file(user.directory() / "seed.iso");
  EXPECT_EQ(iso.substr(0x8001, 5), "CD001");
  // As ISO 9660 has names; Joliet's, of two bytes a letter, is in lower case.
  EXPECT_EQ(iso.substr(0x8028, 7), "CIDATA ");
  for (const char* part : {"user-data", "meta-data", "network-config", "dhcp4: true", "--install"})
    EXPECT_NE(iso.find(part), std::string::npos) << part;
}

}  // namespace
}  // namespace nestbox
