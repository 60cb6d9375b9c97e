#include "harness/env/layer_exchange.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/blob/local_blob_store.hpp"
#include "harness/env/layer_archive.hpp"

namespace nestbox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr off_t k_hole = 64 << 20;

/// A file of 64 MiB that holds some bytes at its beginning, in its middle and at its end.
void write_sparse(const fs::path& path) {
  const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  for (const off_t offset : {off_t{0}, k_hole / 2, k_hole - 4})
    if (::pwrite(file.get(), "data", 4, offset) != 4)
      throw Error(ErrorCode::io, "cannot write");
}

off_t blocks(const fs::path& path) {
  struct stat status {};
  ::stat(path.c_str(), &status);
  return status.st_blocks * 512;
}

class LayerExchangeTest : public testing::Test {
protected:
  Layer build(LayerCache& cache, const std::string& key) {
    return cache.find_or_build({.key = key,
                                .kind = "disk",
                                .description = "a test's",
                                .build =
                                    [this](const fs::path& staging) {
                                      ++m_built;
                                      write_sparse(staging / "ram");
                                      fs::create_directory(staging / "folder");
                                      write_file_atomically(staging / "folder" / "a", "content");
                                      write_file_atomically(staging / "empty", "");
                                    }},
                               {});
  }
  LayerCache::Source source() {
    return [this](const std::string& key, const fs::path& staging) {
      const std::optional<LayerRecord> record = m_exchange.find(key, {});
      if (record)
        m_exchange.fetch(*record, staging, {});
      return record.has_value();
    };
  }

  TemporaryDirectory m_folder;
  int m_built = 0;
  LocalBlobStore m_store{m_folder.path() / "store"};
  LayerExchange m_exchange{m_store, m_folder.path() / "scratch", m_folder.path() / "notes"};
  LayerCache m_here{m_folder.path() / "here"};
  LayerCache m_there{m_folder.path() / "there"};
};

TEST_F(LayerExchangeTest, LetsAnotherHostBeginWithALayer) {
  const Layer pushed = build(m_here, "key");
  EXPECT_TRUE(m_exchange.push(pushed, {}));
  EXPECT_THAT(m_exchange.keys({}), ElementsAre("key"));
  m_there.set_source(source());
  const Layer pulled = build(m_there, "key");
  EXPECT_EQ(m_built, 1);
  EXPECT_EQ(pulled.content(), pushed.content());
  EXPECT_EQ(read_file(pulled.directory() / "folder" / "a"), "content");
  EXPECT_TRUE(m_there.verify().empty());
  EXPECT_TRUE(fs::is_empty(m_folder.path() / "scratch"));
  EXPECT_TRUE(fs::is_empty(m_folder.path() / "notes"));
}

TEST_F(LayerExchangeTest, KeepsHoles) {
  m_exchange.push(build(m_here, "key"), {});
  m_there.set_source(source());
  const Layer pulled = build(m_there, "key");
  EXPECT_EQ(fs::file_size(pulled.directory() / "ram"), static_cast<std::uintmax_t>(k_hole));
  EXPECT_LT(blocks(pulled.directory() / "ram"), 4 << 20);
}

TEST_F(LayerExchangeTest, BuildsWhatTheStoreLacks) {
  m_there.set_source(source());
  build(m_there, "key");
  EXPECT_EQ(m_built, 1);
  EXPECT_THAT(m_there.used(), ElementsAre("key"));
}

TEST_F(LayerExchangeTest, PushesOnce) {
  const Layer layer = build(m_here, "key");
  EXPECT_TRUE(m_exchange.push(layer, {}));
  EXPECT_FALSE(m_exchange.push(layer, {}));
}

TEST_F(LayerExchangeTest, PushesAgainWhatTheStoreHasLost) {
  const Layer layer = build(m_here, "key");
  m_exchange.push(layer, {});
  m_store.remove(m_exchange.find("key", {})->archive, Deadline::after(std::chrono::minutes(1)), {});
  EXPECT_TRUE(m_exchange.push(layer, {}));
}

TEST_F(LayerExchangeTest, MakesEqualArchivesOfEqualLayers) {
  m_exchange.push(build(m_here, "one"), {});
  m_exchange.push(build(m_there, "two"), {});
  EXPECT_EQ(m_exchange.find("one", {})->archive, m_exchange.find("two", {})->archive);
}

TEST_F(LayerExchangeTest, TakesNoArchiveForALayerThatItIsNot) {
  m_exchange.push(build(m_here, "key"), {});
  LayerRecord record = *m_exchange.find("key", {});
  const auto refusal = [&] {
    const TemporaryDirectory staging;
    return catch_error([&] { m_exchange.fetch(record, staging.path(), {}); });
  };
  record.manifest.files[0].digest[0] ^= 1;
  EXPECT_EQ(refusal().error().code, ErrorCode::corrupt);
  record.manifest.files.pop_back();
  EXPECT_THAT(refusal().error().message, HasSubstr("is no file of the layer"));
  record = *m_exchange.find("key", {});
  record.manifest.files.push_back({"absent", {1}, "0"});
  EXPECT_EQ(refusal().error().code, ErrorCode::corrupt);
  record = *m_exchange.find("key", {});
  for (LayerManifest::File& file : record.manifest.files)
    file.size = {1};
  EXPECT_THAT(refusal().error().message, HasSubstr("larger than it should be"));
}

TEST_F(LayerExchangeTest, StopsWhenCancelled) {
  CancelSource source;
  source.cancel();
  const Layer layer = build(m_here, "key");
  EXPECT_EQ(catch_error([&] { m_exchange.push(layer, source.token()); }).error().code,
            ErrorCode::cancelled);
  EXPECT_TRUE(m_exchange.keys({}).empty());
}

TEST(LayerRecord, IsReadFromNothingButItself) {
  LayerRecord record;
  record.manifest.kind = "disk";
  record.archive = {std::string(64, 'a'), {7}};
  const std::string text = to_json(record);
  EXPECT_EQ(parse_layer_record(text).value(), record);
  for (const std::string& other : {std::string(), std::string("{}"), std::string("[]"), text + " ",
                                   text.substr(0, text.size() / 2)})
    EXPECT_EQ(parse_layer_record(other).error().code, ErrorCode::corrupt) << other;
}

}  // namespace
}  // namespace nestbox
