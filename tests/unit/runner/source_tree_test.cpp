#include "runner/cli/source_tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/subprocess.hpp"

namespace nestbox {
namespace {

using testing::ElementsAre;

class SourceTree : public testing::Test {
protected:
  SourceTree() {
    fs::create_directories(m_root / "images");
    for (const char* file : {"nestbox.yml", "images/own.raw", "images/other.raw"})
      write_file_atomically(m_root / file, "x");
  }

  std::vector<std::string> files() const {
    return source_tree(m_root, {"./images//own.raw"}, false).files;
  }

  TemporaryDirectory m_folder;
  fs::path m_root = m_folder.path() / "tests";
};

TEST_F(SourceTree, HoldsNoDiskThatAnEnvironmentBootsFrom) {
  EXPECT_THAT(files(), ElementsAre("images/other.raw", "nestbox.yml"));
}

TEST_F(SourceTree, FindsTheDisksBelowTheTopOfGit) {
  run_checked({.argv = {"git", "init", "-q"}, .working_directory = m_folder.path()},
              Deadline::after(std::chrono::minutes(1)));
  EXPECT_THAT(files(), ElementsAre("tests/images/other.raw", "tests/nestbox.yml"));
}

TEST_F(SourceTree, KnowsTheDisksOfADefinition) {
  Definition definition;
  definition.environments["own"].image = "disk:images/own.raw";
  EXPECT_THAT(own_disks(definition), ElementsAre("images/own.raw"));
}

}  // namespace
}  // namespace nestbox
