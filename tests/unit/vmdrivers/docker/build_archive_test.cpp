#include "vmdrivers/docker/build_archive.hpp"

#include <gtest/gtest.h>

#include "harness/base/tar_writer.hpp"

namespace nestbox::docker {
namespace {

const ImageNames k_names = [](const std::string& image) {
  return image.starts_with("own") ? "engine/" + image : image;
};

std::string archive_of(const std::string& dockerfile) {
  std::string bytes;
  TarWriter archive([&](std::string_view piece) { bytes += piece; });
  archive.directory("src");
  archive.file("src/Dockerfile", "FROM own:1\n");
  archive.file("before", std::string(1000, 'b'));
  archive.file("Dockerfile", dockerfile);
  archive.file("behind", "own:1\n");
  archive.finish();
  return bytes;
}

std::string taken(std::string_view bytes, std::size_t step) {
  BuildArchive archive("./Dockerfile", k_names);
  std::string out;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(step, bytes.size())))
    out += archive.take(bytes.substr(0, step));
  return out + archive.finish();
}

TEST(RenamedImages, AreThoseThatADockerfileBuildsOn) {
  EXPECT_EQ(renamed_images("# FROM own:1\n"
                           "ARG base=own:1\n"
                           "FROM --platform=linux/amd64 own:1 AS own-stage\n"
                           "from other\n"
                           "  COPY --chown=0:0 --from=own:2 /a /b\n"
                           "COPY --from=own-stage /from own:1\n"
                           "COPY --from=0 /a /b\n"
                           "FROM own-stage\n"
                           "FROM ${base}\n"
                           "FROM scratch\r\n"
                           "RUN echo FROM own:1",
                           k_names),
            "# FROM own:1\n"
            "ARG base=own:1\n"
            "FROM --platform=linux/amd64 engine/own:1 AS own-stage\n"
            "from other\n"
            "  COPY --chown=0:0 --from=engine/own:2 /a /b\n"
            "COPY --from=own-stage /from own:1\n"
            "COPY --from=0 /a /b\n"
            "FROM own-stage\n"
            "FROM ${base}\n"
            "FROM scratch\r\n"
            "RUN echo FROM own:1");
  EXPECT_EQ(renamed_images("FROM", k_names), "FROM");
  EXPECT_EQ(renamed_images("FROM a AS", k_names), "FROM a AS");
}

TEST(BuildArchive, HasTheEnginesNamesInItsDockerfileAlone) {
  const std::string given = archive_of("FROM own:1\nRUN true\n");
  const std::string expected = archive_of("FROM engine/own:1\nRUN true\n");
  for (const std::size_t step : {1UL, 7UL, 512UL, 1UL << 20})
    EXPECT_EQ(taken(given, step), expected) << step;
}

TEST(BuildArchive, GrowsByWholeBlocks) {
  std::string lines;
  for (int i = 0; i < 50; ++i)
    lines += "FROM own:1\n";
  std::string renamed;
  for (int i = 0; i < 50; ++i)
    renamed += "FROM engine/own:1\n";
  EXPECT_EQ(taken(archive_of(lines), 100), archive_of(renamed));
}

TEST(BuildArchive, PassesWhatIsNone) {
  const std::string compressed = "\x1f\x8b" + std::string(3000, 'z');
  EXPECT_EQ(taken(compressed, 100), compressed);
  const std::string whole = archive_of("FROM own:1\n");
  for (const std::size_t size : {200UL, 1400UL, whole.find("FROM own:1", 2000) + 5})
    EXPECT_EQ(taken(whole.substr(0, size), 100), whole.substr(0, size));
}

}  // namespace
}  // namespace nestbox::docker
