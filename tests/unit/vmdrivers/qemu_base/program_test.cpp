#include "vmdrivers/qemu_base/program.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "harness/base/filesystem.hpp"
#include "harness/base/hash.hpp"

namespace nestbox::qemu {
namespace {

/// A PATH with nothing in it but what the test puts there.
class QemuProgram : public testing::Test {
protected:
  QemuProgram() {
    fs::create_directory(m_bin);
    ::setenv("PATH", m_bin.c_str(), 1);
  }
  ~QemuProgram() override { ::setenv("PATH", m_path.c_str(), 1); }

  std::string install(const std::string& version) {
    const std::string text = "#!/bin/sh\necho x >> " + (m_directory.path() / "asked").string()
                             + "\necho 'QEMU emulator version " + version + " (Debian 1:1)'\n";
    const fs::path program = m_bin / "qemu-system-x86_64";
    write_file_atomically(program, text);
    fs::permissions(program, fs::perms::owner_all);
    return sha256(text);
  }

  std::uintmax_t times_asked() const { return fs::file_size(m_directory.path() / "asked") / 2; }

  const std::string m_path = std::getenv("PATH");
  TemporaryDirectory m_directory;
  const fs::path m_bin = m_directory.path() / "bin";
  const fs::path m_cache = m_directory.path() / "qemu.json";
};

TEST_F(QemuProgram, SaysHowToGetOneWhenThereIsNone) {
  const Result<Program> program = find_program(m_cache);
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().code, ErrorCode::unsupported);
  EXPECT_EQ(program.error().message, "there is no qemu-system-x86_64 on this host");
  EXPECT_EQ(program.error().hint, "apt-get install qemu-system-x86 qemu-utils");
}

TEST_F(QemuProgram, IsIdentifiedByVersionAndContent) {
  const std::string digest = install("7.2.22");
  const Result<Program> program = find_program(m_cache);
  ASSERT_TRUE(program);
  EXPECT_EQ(program->path, fs::canonical(m_bin / "qemu-system-x86_64"));
  EXPECT_EQ(program->version, "7.2.22");
  EXPECT_EQ(program->digest, digest);
}

TEST_F(QemuProgram, IsAskedOnce) {
  install("7.2.22");
  const Program first = *find_program(m_cache);
  EXPECT_EQ(*find_program(m_cache), first);
  EXPECT_EQ(times_asked(), 1u);
}

TEST_F(QemuProgram, IsAskedAgainWhenItChanged) {
  install("7.2.22");
  ASSERT_TRUE(find_program(m_cache));
  install("8.0.0");
  EXPECT_EQ(find_program(m_cache)->version, "8.0.0");
}

TEST_F(QemuProgram, IsAskedAgainWhenTheCacheIsDamaged) {
  install("7.2.22");
  ASSERT_TRUE(find_program(m_cache));
  write_file_atomically(m_cache, "{\"fingerprint\": 3");
  EXPECT_EQ(find_program(m_cache)->version, "7.2.22");
}

}  // namespace
}  // namespace nestbox::qemu
