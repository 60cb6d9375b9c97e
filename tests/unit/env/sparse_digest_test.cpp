#include "harness/env/sparse_digest.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "harness/base/filesystem.hpp"

namespace nestbox {
namespace {

class SparseDigestTest : public testing::Test {
protected:
  fs::path file(const std::string& name, off_t size,
                const std::vector<std::pair<off_t, std::string>>& writes) {
    const fs::path path = m_folder.path() / name;
    const FileDescriptor descriptor(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
    for (const auto& [offset, bytes] : writes)
      EXPECT_EQ(::pwrite(descriptor.get(), bytes.data(), bytes.size(), offset),
                static_cast<ssize_t>(bytes.size()));
    EXPECT_EQ(::ftruncate(descriptor.get(), size), 0);
    return path;
  }

  TemporaryDirectory m_folder;
};

TEST_F(SparseDigestTest, DoesNotCareHowZerosAreStored) {
  const off_t size = 20 << 20;
  const fs::path sparse = file("sparse", size, {{5'000'000, "data"}});
  const fs::path full = file(
      "full", size, {{0, std::string(static_cast<std::size_t>(size), '\0')}, {5'000'000, "data"}});
  EXPECT_EQ(sparse_digest(sparse), sparse_digest(full));
}

TEST_F(SparseDigestTest, TellsContentPlaceAndSizeApart) {
  const std::string digest = sparse_digest(file("one", 1'000'000, {{500'000, "data"}}));
  EXPECT_EQ(digest, sparse_digest(file("same", 1'000'000, {{500'000, "data"}})));
  EXPECT_NE(digest, sparse_digest(file("content", 1'000'000, {{500'000, "datb"}})));
  EXPECT_NE(digest, sparse_digest(file("place", 1'000'000, {{500'001, "data"}})));
  EXPECT_NE(digest, sparse_digest(file("block", 1'000'000, {{500'000 + 65'536, "data"}})));
  EXPECT_NE(digest, sparse_digest(file("size", 1'000'001, {{500'000, "data"}})));
  EXPECT_NE(sparse_digest(file("empty", 0, {})), sparse_digest(file("zero", 1, {})));
}

TEST_F(SparseDigestTest, SkipsHoles) {
  // A terabyte would take an hour to read.
  const fs::path huge = file("huge", off_t{1} << 40, {{off_t{1} << 39, "data"}});
  EXPECT_NE(sparse_digest(huge), sparse_digest(file("other", off_t{1} << 40, {})));
}

TEST_F(SparseDigestTest, ReportsAFileThatIsAbsent) {
  EXPECT_THROW(sparse_digest(m_folder.path() / "none"), Error);
}

}  // namespace
}  // namespace nestbox
