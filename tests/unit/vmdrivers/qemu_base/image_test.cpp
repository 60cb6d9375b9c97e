#include "vmdrivers/qemu_base/image.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "harness/base/filesystem.hpp"
#include "harness/base/hash.hpp"

namespace nestbox::qemu {
namespace {

constexpr std::uint64_t k_size = 8u << 20;

std::uint64_t stored_bytes(const fs::path& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return static_cast<std::uint64_t>(status.st_blocks) * 512;
}

void write_at(const fs::path& path, std::streamoff offset, const std::string& bytes) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(offset);
  file << bytes;
}

/// Eight mebibytes: a page of text, one in the last page, holes elsewhere.
fs::path sparse_file(const fs::path& directory) {
  const fs::path path = directory / "ram";
  std::ofstream{path};
  fs::resize_file(path, k_size);
  write_at(path, 1 << 20, std::string(4096, 'a'));
  write_at(path, k_size - 1, "z");
  return path;
}

TEST(RamImage, IsCopiedWithItsHoles) {
  const TemporaryDirectory directory;
  const fs::path source = sparse_file(directory.path());
  const fs::path copy = directory.path() / "copy";
  copy_ram(source, copy);
  EXPECT_EQ(fs::file_size(copy), k_size);
  EXPECT_EQ(sha256_file(copy), sha256_file(source));
  EXPECT_LT(stored_bytes(copy), k_size / 4);
}

TEST(RamImage, IsNeverCopiedOverAnother) {
  const TemporaryDirectory directory;
  const fs::path source = sparse_file(directory.path());
  EXPECT_THROW(copy_ram(source, source), Error);
}

TEST(RamImage, GivesZeroPagesBack) {
  const TemporaryDirectory directory;
  const fs::path path = sparse_file(directory.path());
  write_at(path, 2 << 20, std::string(3 << 20, '\0'));
  write_at(path, (3 << 20) + 17, "b");
  const std::string before = sha256_file(path);
  EXPECT_GT(stored_bytes(path), 3u << 20);
  punch_zero_pages(path);
  EXPECT_EQ(sha256_file(path), before);
  EXPECT_EQ(fs::file_size(path), k_size);
  EXPECT_LT(stored_bytes(path), 1u << 20);
}

TEST(Overlay, IsMadeOverTheAbsolutePathOfItsBacking) {
  EXPECT_EQ(overlay_spec("/staging/disk.qcow2", "/layers/base/disk.raw", "raw").argv,
            (std::vector<std::string>{"qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b",
                                      "/layers/base/disk.raw", "/staging/disk.qcow2"}));
}

}  // namespace
}  // namespace nestbox::qemu
