#include "harness/env/work_tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "harness/base/filesystem.hpp"
#include "harness/base/subprocess.hpp"

namespace nestbox {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::Not;

class WorkTreeTest : public testing::Test {
protected:
  WorkTreeTest() { fs::create_directory(root()); }

  fs::path root() const { return m_folder.path() / "tree"; }

  void write(const std::string& name, const std::string& content = "x") const {
    fs::create_directories((root() / name).parent_path());
    std::ofstream(root() / name) << content;
  }

  std::string git(std::vector<std::string> arguments, const fs::path& directory) const {
    std::vector<std::string> argv = {"git", "-c", "protocol.file.allow=always", "-c",
                                     "init.defaultBranch=main"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    const std::map<std::string, std::string> environment = {{"PATH", "/usr/bin:/bin"},
                                                            {"HOME", m_folder.path()},
                                                            {"GIT_CONFIG_NOSYSTEM", "1"},
                                                            {"GIT_AUTHOR_NAME", "a"},
                                                            {"GIT_AUTHOR_EMAIL", "a@localhost"},
                                                            {"GIT_COMMITTER_NAME", "a"},
                                                            {"GIT_COMMITTER_EMAIL", "a@localhost"}};
    return run_checked({.argv = argv,
                        .working_directory = directory,
                        .environment = environment,
                        .whole_tree = true},
                       Deadline::after(std::chrono::minutes(1)));
  }
  std::string git(std::vector<std::string> arguments) const {
    return git(std::move(arguments), root());
  }

  void commit_all() const {
    git({"add", "-A"});
    git({"commit", "-q", "--allow-empty", "-m", "x"});
  }

  /// Another repository, to be put into the tree.
  fs::path make_library() const {
    const fs::path library = m_folder.path() / "library";
    fs::create_directory(library);
    git({"init", "-q"}, library);
    std::ofstream(library / "library.c") << "x";
    std::ofstream(library / ".gitignore") << "*.o\n";
    git({"add", "-A"}, library);
    git({"commit", "-q", "-m", "x"}, library);
    return library;
  }

  std::vector<std::string> files(bool all = false) const {
    return read_work_tree(root(), all).files;
  }

  TemporaryDirectory m_folder;
};

TEST_F(WorkTreeTest, ListsTrackedAndUntrackedButNotIgnoredFiles) {
  git({"init", "-q"});
  write("tracked");
  write("dir/tracked");
  write("gone");
  write(".gitignore", "*.o\nbuild/\n");
  commit_all();
  write("untracked");
  write("new/deep/untracked");
  write("a.o");
  write("build/a");
  fs::remove(root() / "gone");
  EXPECT_THAT(files(), ElementsAre(".gitignore", "dir/tracked", "new/deep/untracked", "tracked",
                                   "untracked"));
  EXPECT_THAT(files(true), ElementsAre(".gitignore", "a.o", "build/a", "dir/tracked",
                                       "new/deep/untracked", "tracked", "untracked"));
}

TEST_F(WorkTreeTest, FindsTheTopFromBelow) {
  git({"init", "-q"});
  write("a/b/c");
  const WorkTree tree = read_work_tree(root() / "a" / "b", false);
  EXPECT_EQ(tree.root, fs::canonical(root()));
  EXPECT_THAT(tree.files, ElementsAre("a/b/c"));
}

TEST_F(WorkTreeTest, NamesTheRevisionAndWhetherTheTreeDiffers) {
  git({"init", "-q"});
  write("file");
  EXPECT_EQ(read_work_tree(root(), false).revision, "") << "no commit yet";
  commit_all();
  const std::string head = git({"rev-parse", "HEAD"}).substr(0, 40);
  EXPECT_EQ(read_work_tree(root(), false).revision, head);
  write("file", "another content");
  EXPECT_EQ(read_work_tree(root(), false).revision, head + "-dirty");
  commit_all();
  write("untracked");
  EXPECT_THAT(read_work_tree(root(), false).revision, EndsWith("-dirty"));
}

TEST_F(WorkTreeTest, SeesEditsOfEqualSizeRightAfterACommit) {
  git({"init", "-q"});
  write("file", "one");
  commit_all();
  write("file", "two");
  EXPECT_THAT(read_work_tree(root(), false).revision, EndsWith("-dirty"));
}

TEST_F(WorkTreeTest, TakesAnyNameAndSymlinksAsTheyAre) {
  git({"init", "-q"});
  write("with space");
  write("new\nline");
  write("\xc3\xbc");
  write("-dash");
  write("\"quote\"");
  fs::create_symlink("/etc/passwd", root() / "link");
  fs::create_symlink("nowhere", root() / "dangling");
  fs::create_directory(root() / "folder");
  fs::create_symlink("folder", root() / "folder link");
  const auto expected = ElementsAre("\"quote\"", "-dash", "dangling", "folder link", "link",
                                    "new\nline", "with space", "\xc3\xbc");
  EXPECT_THAT(files(), expected);
  commit_all();
  EXPECT_THAT(files(), expected);
}

TEST_F(WorkTreeTest, GoesIntoSubmodulesAndNestedRepositories) {
  const fs::path inner = make_library();
  git({"init", "-q"});
  write("main.c");
  git({"submodule", "--quiet", "add", inner.string(), "sub module"});
  commit_all();
  EXPECT_THAT(read_work_tree(root(), false).revision, Not(EndsWith("-dirty")));
  write("sub module/object.o");
  write("sub module/new.c");
  git({"clone", "-q", inner.string(), "nested"});
  EXPECT_THAT(files(),
              ElementsAre(".gitmodules", "main.c", "nested/.gitignore", "nested/library.c",
                          "sub module/.gitignore", "sub module/library.c", "sub module/new.c"));
}

TEST_F(WorkTreeTest, KnowsWhatGitIgnoresWithoutReadingTheTree) {
  git({"init", "-q"});
  write(".gitignore", "*.o\n!wanted.o\nbuild/\nkept/\n");
  write("kept/tracked");
  git({"add", "-f", "kept/tracked"});
  write("sub/.gitignore", "*.tmp\n");
  const IgnoreRules rules(root() / "sub");
  EXPECT_TRUE(rules.ignores(root() / "a.o", false));
  EXPECT_TRUE(rules.ignores(root() / "sub/other.o", false));
  EXPECT_TRUE(rules.ignores(root() / "sub/a.tmp", false));
  EXPECT_FALSE(rules.ignores(root() / "a.tmp", false));
  EXPECT_FALSE(rules.ignores(root() / "sub/wanted.o", false));
  EXPECT_FALSE(rules.ignores(root() / "a.c", false));
  EXPECT_TRUE(rules.ignores(root() / "build", true));
  EXPECT_FALSE(rules.ignores(root() / "build", false)) << "a file of that name is no folder";
  EXPECT_TRUE(rules.ignores(root() / "build/deep/file.c", false));
  EXPECT_FALSE(rules.ignores(root() / "kept", true)) << "it holds what is tracked";
  EXPECT_FALSE(rules.ignores(root() / "kept/tracked", false));
  EXPECT_TRUE(rules.ignores(root() / "kept/other", false));
  EXPECT_FALSE(rules.ignores(root(), true));
  EXPECT_FALSE(rules.ignores(m_folder.path() / "tree.o", false)) << "outside the work tree";
}

TEST_F(WorkTreeTest, IgnoresNothingOutsideGit) {
  write(".gitignore", "*.o\n");
  EXPECT_FALSE(IgnoreRules(root()).ignores(root() / "a.o", false));
}

TEST_F(WorkTreeTest, LeavesOutSubmodulesThatAreNotThere) {
  const fs::path inner = make_library();
  git({"init", "-q"});
  write("main.c");
  git({"submodule", "--quiet", "add", inner.string(), "sub"});
  commit_all();
  git({"clone", "-q", root().string(), (m_folder.path() / "clone").string()});
  EXPECT_THAT(read_work_tree(m_folder.path() / "clone", false).files, testing::Contains("main.c"));
  EXPECT_THAT(read_work_tree(m_folder.path() / "clone", false).files,
              Not(testing::Contains("sub/library.c")));
}

TEST_F(WorkTreeTest, ReadsLinkedWorktrees) {
  git({"init", "-q"});
  write("file");
  commit_all();
  git({"worktree", "add", "-q", (m_folder.path() / "linked").string()});
  const WorkTree tree = read_work_tree(m_folder.path() / "linked", false);
  EXPECT_EQ(tree.root, fs::canonical(m_folder.path() / "linked"));
  EXPECT_THAT(tree.files, ElementsAre("file"));
  EXPECT_EQ(tree.revision.size(), 40U);
}

TEST_F(WorkTreeTest, RefusesABareRepositoryWithAHint) {
  git({"init", "-q", "--bare"});
  try {
    files();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::usage);
    EXPECT_THAT(error.message, testing::HasSubstr("is a bare git repository"));
    EXPECT_FALSE(error.hint.empty());
  }
}

TEST_F(WorkTreeTest, TakesEverythingOutsideGit) {
  write("file");
  write("build/object.o");
  write(".git-like/file");
  fs::create_directories(root() / "empty/inside");
  const WorkTree tree = read_work_tree(root(), false);
  EXPECT_THAT(tree.files, ElementsAre(".git-like/file", "build/object.o", "empty/inside", "file"));
  EXPECT_EQ(tree.revision, "");
}

TEST_F(WorkTreeTest, ReadsARepositoryOfSomebodyElse) {
  if (::geteuid() != 0)
    GTEST_SKIP() << "only root can give files away";
  git({"init", "-q"});
  write("file");
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root()))
    ASSERT_EQ(::lchown(entry.path().c_str(), 12345, 12345), 0);
  ASSERT_EQ(::lchown(root().c_str(), 12345, 12345), 0);
  EXPECT_THAT(files(), ElementsAre("file"));
}

TEST_F(WorkTreeTest, ReportsADirectoryThatIsNotThere) {
  EXPECT_THROW(read_work_tree(m_folder.path() / "none", false), Error);
}

}  // namespace
}  // namespace nestbox
