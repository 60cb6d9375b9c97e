#include "harness/env/layer_manifest.hpp"

#include <gtest/gtest.h>

namespace nestbox {
namespace {

LayerManifest example() {
  return {"disk",
          "debian:bookworm + nftables",
          {{"disk.raw", {4096}, "ab12"}, {"sub/ü \n", {0}, "cd34"}},
          std::chrono::sys_seconds(std::chrono::seconds(1'700'000'000))};
}

TEST(LayerManifest, IsReadAsItWasWritten) {
  const Result<LayerManifest> read = parse_manifest(to_json(example()));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, example());
}

TEST(LayerManifest, HasAStableForm) {
  EXPECT_EQ(
      to_json(example()),
      R"({"created":1700000000,"description":"debian:bookworm + nftables",)"
      R"("digest":"798a1298e8376e6d5bedf8d7fdfebee0531c60ccd74fd675d6396566577260d5",)"
      R"("files":[{"digest":"ab12","name":"disk.raw","size":4096},{"digest":"cd34","name":"sub/ü \n","size":0}],)"
      R"("kind":"disk","version":1})"
      "\n");
}

TEST(LayerManifest, RefusesAnyChangedByte) {
  const std::string text = to_json(example());
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    const Result<LayerManifest> read = parse_manifest(changed);
    ASSERT_FALSE(read) << i;
    EXPECT_EQ(read.error().code, ErrorCode::corrupt);
  }
  EXPECT_FALSE(parse_manifest(text.substr(0, text.size() / 2)));
  EXPECT_FALSE(parse_manifest(""));
}

TEST(LayerManifest, RefusesFilesOutsideTheLayer) {
  LayerManifest manifest = example();
  manifest.files[0].name = "../../etc/passwd";
  EXPECT_FALSE(parse_manifest(to_json(manifest)));
}

TEST(LayerManifest, HashesFilesAlone) {
  LayerManifest other = example();
  other.description = "else";
  other.created += std::chrono::hours(1);
  EXPECT_EQ(other.content(), example().content());
  other.files[1].digest = "ef56";
  EXPECT_NE(other.content(), example().content());
}

}  // namespace
}  // namespace nestbox
