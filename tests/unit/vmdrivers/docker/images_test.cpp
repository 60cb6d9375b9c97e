#include "vmdrivers/docker/images.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "harness/base/filesystem.hpp"
#include "harness/base/owner.hpp"
#include "harness/base/subprocess.hpp"
#include "vmdrivers/docker/build_context.hpp"
#include "vmdrivers/docker/leftovers.hpp"

namespace nestbox::docker {
namespace {

using nlohmann::json;
using Kind = ImageSource::Kind;

TEST(DockerImages, SayWhereTheyComeFrom) {
  EXPECT_EQ(parse_image("docker:debian:12-slim"), (ImageSource{Kind::name, "debian:12-slim"}));
  EXPECT_EQ(parse_image("docker-archive:/x/app.tar"), (ImageSource{Kind::archive, "/x/app.tar"}));
  EXPECT_EQ(parse_image("dockerfile:/x"), (ImageSource{Kind::dockerfile, "/x"}));
  for (const char* bad : {"", "docker:", "debian:12", "ami-0a"})
    EXPECT_THROW(parse_image(bad), Error) << bad;
}

JobNews after(const std::vector<const char*>& news) {
  JobNews job;
  for (const char* text : news)
    job.take(json::parse(text));
  return job;
}

TEST(JobNews, SayWhatCameOfIt) {
  EXPECT_EQ(after({R"({"status": "sha256:0af3"})"}).result(), "sha256:0af3");
  EXPECT_EQ(after({R"({"stream": "Step 1/2"})", R"({"aux": {"ID": "sha256:0af3"}})",
                   R"({"stream": "Successfully built 0af3"})"})
                .result(),
            "sha256:0af3");
  EXPECT_EQ(after({R"({"stream": "Loaded image: app:1\n"})"}).result(), "app:1");
  EXPECT_EQ(after({R"({"stream": "Loaded image ID: sha256:0af3\n"})"}).result(), "sha256:0af3");
  EXPECT_EQ(after({R"({"status": "Pulling"})", "[]", "5"}).result(), "");
}

TEST(JobNews, ThrowTheEnginesComplaint) {
  try {
    after({R"({"error": "no space left", "errorDetail": {"message": "no space left"}})"}).result();
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.message, "the container engine refused: no space left");
  }
}

TEST(IgnoreRules, LeaveOutWhatTheyName) {
  const IgnoreRules rules("# comment\n*.o\nbuild/\n**/secret\n!build/keep\n\n/top\n");
  for (const char* ignored : {"a.o", "build", "build/x/y", "secret", "a/b/secret", "top"})
    EXPECT_TRUE(rules.ignores(ignored)) << ignored;
  for (const char* kept : {"a.c", "src/a.o", "build/keep", "src/top", "secrets"})
    EXPECT_FALSE(rules.ignores(kept)) << kept;
}

TEST(BuildContext, HoldsTheTreeButForWhatIsIgnored) {
  const TemporaryDirectory directory;
  const fs::path tree = directory.path() / "tree";
  fs::create_directories(tree / "sub");
  std::ofstream(tree / "Dockerfile") << "FROM scratch\n";
  std::ofstream(tree / ".dockerignore") << "Dockerfile\n*.log\n";
  std::ofstream(tree / "x.log") << "x";
  std::ofstream(tree / "sub/file") << "content";
  fs::create_symlink("file", tree / "sub/link");
  const fs::path archive = directory.path() / "context.tar";
  write_build_context(tree, archive);
  EXPECT_EQ(run_checked({.argv = {"tar", "--list", "--file", archive.string()}},
                        Deadline::after(std::chrono::minutes(1))),
            ".dockerignore\nDockerfile\nsub/\nsub/file\nsub/link\n");
}

TEST(BuildContext, NeedsADockerfile) {
  const TemporaryDirectory directory;
  try {
    write_build_context(directory.path(), directory.path() / "context.tar");
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::not_found);
  }
}

json owned_by(const Owner& owner) {
  return {{"Labels", {{k_ours_label, "1"}, {k_owner_label, to_string(owner)}}}};
}

TEST(Leftovers, AreOfOwnersThatAreGone) {
  const Owner us = this_owner();
  EXPECT_EQ(dead_owner(owned_by(us)), std::nullopt);
  Owner reused = us;
  reused.start_time += 1;
  EXPECT_EQ(dead_owner(owned_by(reused)), to_string(reused));
  Owner before_reboot = us;
  before_reboot.boot_id[0] = us.boot_id[0] == 'a' ? 'b' : 'a';
  EXPECT_EQ(dead_owner(owned_by(before_reboot)), to_string(before_reboot));
}

TEST(Leftovers, AreNeverWhatBearsNoSoundOwner) {
  for (const char* entry :
       {"{}", "[]", R"({"Labels": null})", R"({"Labels": {"nestbox": "1"}})",
        R"({"Labels": {"nestbox.owner": 5}})", R"({"Labels": {"nestbox.owner": "somebody"}})"})
    EXPECT_EQ(dead_owner(json::parse(entry)), std::nullopt) << entry;
}

}  // namespace
}  // namespace nestbox::docker
