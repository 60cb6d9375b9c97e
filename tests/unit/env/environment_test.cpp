#include "harness/env/environment.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "harness/env/forked_environment.hpp"
#include "harness/env/live_layers.hpp"
#include "tests/support/log_recorder.hpp"
#include "tests/support/progress_recorder.hpp"
#include "tests/unit/env/fake_driver.hpp"

namespace nestbox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class EnvironmentTest : public testing::Test {
protected:
  EnvironmentTest() : m_cache(m_folder.path() / "cache") {
    m_environment.name = "net";
    fs::create_directory(base());
  }
  fs::path base() const { return m_folder.path() / "base"; }
  void write(const std::string& name, const std::string& content) const {
    fs::create_directories((base() / name).parent_path());
    std::ofstream(base() / name) << content;
  }

  void with_scripts(std::vector<std::string> scripts) {
    m_environment.steps.clear();
    for (std::string& script : scripts)
      m_environment.steps.push_back(RunStep{std::move(script)});
  }

  GuestImage image() const {
    GuestImage image;
    image.spec.kernel = "/vmlinuz";
    if (m_disk)
      image.spec.disk = "/disk.raw";
    image.key = "image";
    return image;
  }

  /// As EnvironmentBuilder::prepare does, with an image that needs no network.
  std::shared_ptr<PreparedEnvironment> prepare() {
    EnvironmentSteps steps(m_environment, base());
    std::vector<Layer> live =
        live_layers({m_cache, m_progress, m_cancel}, m_driver, m_environment, image(), steps);
    return make_forked_environment(m_cache, m_driver, m_environment, image(), std::move(steps),
                                   std::move(live));
  }

  std::unique_ptr<Machine> machine(PreparedEnvironment& prepared,
                                   Isolation isolation = Isolation::fork) {
    return prepared.machine("test 1", isolation, Deadline::never(), m_cancel);
  }

  LogRecorder m_log;
  TemporaryDirectory m_folder;
  LayerCache m_cache;
  FakeDriver m_driver;
  ProgressRecorder m_progress;
  CancelToken m_cancel;
  Environment m_environment;
  bool m_disk = true;
};

TEST_F(EnvironmentTest, BootsOnceAndForksEachMachine) {
  with_scripts({"one", "two"});
  auto prepared = prepare();
  EXPECT_EQ(m_driver.boots, 1);
  EXPECT_EQ(m_driver.forks, 2);
  EXPECT_THAT(history(*machine(*prepared)), ElementsAre("one", "two"));
  prepare();
  EXPECT_EQ(m_driver.boots, 1);
  EXPECT_EQ(m_driver.forks, 3);
  EXPECT_THAT(m_progress.activities,
              ElementsAre("booting environment 'net'", "building environment 'net', step 1: one",
                          "building environment 'net', step 2: two"));
  EXPECT_EQ(m_progress.text, "did one\ndid two\n");
}

TEST_F(EnvironmentTest, TellsTheDriverOfEachSnapshotThatIsPublished) {
  with_scripts({"one"});
  const auto prepared = prepare();
  ASSERT_THAT(m_driver.kept, testing::SizeIs(2));
  EXPECT_TRUE(fs::exists(m_driver.kept.front()));
  EXPECT_EQ(m_driver.kept.back(), prepared->template_snapshot()->directory);
}

TEST_F(EnvironmentTest, GivesEachMachineAnIdentityOfItsOwn) {
  auto prepared = prepare();
  machine(*prepared);
  const Identity first = m_driver.last_identity;
  machine(*prepared);
  EXPECT_EQ(first.hostname, "test-1");
  EXPECT_NE(first.machine_id, m_driver.last_identity.machine_id);
  EXPECT_NE(first.entropy, m_driver.last_identity.entropy);
}

TEST_F(EnvironmentTest, BuildsFromTheFirstChangedStep) {
  with_scripts({"one", "two", "three"});
  prepare();
  m_driver.forks = 0;
  with_scripts({"one", "two", "four"});
  auto prepared = prepare();
  EXPECT_EQ(m_driver.boots, 1);
  EXPECT_EQ(m_driver.forks, 1);
  EXPECT_THAT(history(*machine(*prepared)), ElementsAre("one", "two", "four"));
  with_scripts({"zero", "two", "four"});
  prepare();
  EXPECT_EQ(m_driver.boots, 1);
  EXPECT_EQ(m_driver.forks, 5);
}

TEST_F(EnvironmentTest, BuildsAgainWhenVariablesChange) {
  with_scripts({"one"});
  prepare();
  m_environment.variables = {{"CC", "clang"}};
  prepare();
  EXPECT_EQ(m_driver.boots, 1);
  EXPECT_EQ(m_driver.forks, 2);
}

TEST_F(EnvironmentTest, KeepsNothingThatStandsOnARebuiltLayer) {
  with_scripts({"one"});
  prepare();
  for (const LayerInfo& layer : m_cache.list())
    if (layer.description.find("booted") != std::string::npos)
      m_cache.drop(layer.key);
  EXPECT_EQ(m_cache.list().size(), 1U);
  prepare();
  EXPECT_EQ(m_driver.boots, 2);
  EXPECT_EQ(m_driver.forks, 2) << "the step again, for the former memory is gone";
}

TEST_F(EnvironmentTest, ReportsAFailingStepWithItsOutput) {
  with_scripts({"one", "exit 3"});
  try {
    prepare();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::infrastructure);
    EXPECT_EQ(error.message, "step 2: exit 3 of environment 'net' failed: exit code 3\ndid exit 3");
  }
  with_scripts({"one", "two"});
  m_driver.forks = 0;
  prepare();
  EXPECT_EQ(m_driver.forks, 1) << "step 1 is kept";
}

TEST_F(EnvironmentTest, ReportsAStepThatTakesTheMachineDown) {
  with_scripts({"die"});
  try {
    prepare();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::infrastructure);
    EXPECT_THAT(error.message,
                HasSubstr("the machine's console said:\nKernel panic - not syncing"));
  }
}

TEST_F(EnvironmentTest, DropsATemplateThatIsDeadAndBootsCold) {
  with_scripts({"one", "two"});
  auto prepared = prepare();
  m_driver.dead_forks = true;
  EXPECT_THAT(history(*machine(*prepared)), ElementsAre("one", "two"));
  EXPECT_EQ(m_driver.last_boot.disk, "/disk.raw");
  ASSERT_EQ(m_log.lines().size(), 1U);
  EXPECT_THAT(m_log.lines()[0],
              HasSubstr("the template of environment 'net' does not come back to life"));
  const int forks = m_driver.forks;
  machine(*prepared);
  EXPECT_EQ(m_driver.forks, forks) << "a dead template is not tried twice";
  EXPECT_EQ(m_log.lines().size(), 1U);

  m_driver.dead_forks = false;
  EXPECT_THAT(history(*machine(*prepare())), ElementsAre("one", "two"));
}

TEST_F(EnvironmentTest, BuildsAnewASnapshotOfTheChainThatIsDead) {
  with_scripts({"one"});
  prepare();
  with_scripts({"one", "two"});
  m_driver.dead_forks = true;
  EXPECT_THROW(prepare(), Error);
  m_driver.dead_forks = false;
  EXPECT_THAT(history(*machine(*prepare())), ElementsAre("one", "two"));
  EXPECT_THAT(m_log.lines(),
              testing::Contains(HasSubstr("did not come back to life and is built anew")));
}

TEST_F(EnvironmentTest, BootsAFreshMachineFromTheDiskOfTheTemplate) {
  with_scripts({"one"});
  auto prepared = prepare();
  EXPECT_THAT(history(*machine(*prepared, Isolation::fresh)), IsEmpty());
  EXPECT_EQ(m_driver.last_boot.disk->filename(), "disk.qcow2");
  EXPECT_EQ(m_driver.last_boot.disk_format, "qcow2");
  EXPECT_FALSE(m_driver.last_boot.save_directory);
}

TEST_F(EnvironmentTest, RunsTheStepsAgainInAFreshMachineWithoutADisk) {
  m_disk = false;
  with_scripts({"one", "two"});
  EXPECT_THAT(history(*machine(*prepare(), Isolation::fresh)), ElementsAre("one", "two"));
}

TEST_F(EnvironmentTest, BootsEveryMachineWithoutATemplate) {
  with_scripts({"one"});
  auto prepared = make_forked_environment(m_cache, m_driver, m_environment, image(),
                                          EnvironmentSteps(m_environment, base()), {});
  EXPECT_FALSE(prepared->template_snapshot());
  EXPECT_THAT(history(*machine(*prepared)), ElementsAre("one"));
  EXPECT_EQ(m_driver.forks, 0);
}

TEST_F(EnvironmentTest, AsksADriverOfHostsForPlacesOnly) {
  m_driver.can = {.boots = Boots::host};
  auto prepared =
      EnvironmentBuilder(m_cache, m_driver, m_progress).prepare(m_environment, base(), m_cancel);
  machine(*prepared);
  MachineSpec expected;
  expected.name = "test 1";
  EXPECT_EQ(m_driver.last_boot, expected);
  EXPECT_THAT(m_cache.list(), IsEmpty());
}

TEST_F(EnvironmentTest, CopiesFilesUnderTheirNewName) {
  write("conf/a", "A");
  write("conf/sub/b", "B");
  m_environment.steps = {CopyStep{"conf", "/etc/app"}, CopyStep{"conf/a", "/etc/renamed"},
                         CopyStep{"conf/a", "/srv/"}};
  EXPECT_THAT(history(*machine(*prepare())),
              ElementsAre("/etc/app/a=A", "/etc/app/sub/b=B", "/etc/renamed=A", "/srv/a=A"));
}

TEST_F(EnvironmentTest, KeysCopiedFilesByContentAndModeNotByTime) {
  write("a", "A");
  m_environment.steps = {CopyStep{"a", "/a"}};
  const auto key = [&] { return EnvironmentSteps(m_environment, base()).key(0); };
  const std::string before = key();
  fs::last_write_time(base() / "a", fs::file_time_type::clock::now() + std::chrono::hours(1));
  EXPECT_EQ(key(), before);
  fs::permissions(base() / "a", fs::perms::owner_exec, fs::perm_options::add);
  EXPECT_NE(key(), before);
  fs::permissions(base() / "a", fs::perms::owner_exec, fs::perm_options::remove);
  EXPECT_EQ(key(), before);
  write("a", "B");
  EXPECT_NE(key(), before);
}

TEST_F(EnvironmentTest, RefusesToCopyFromOutside) {
  write("a", "A");
  fs::create_symlink("/etc", base() / "link");
  for (const char* source : {"../cache", "/etc/passwd", "link", "link/passwd", "absent"}) {
    m_environment.steps = {CopyStep{source, "/x"}};
    const Result<void> made = catch_error([&] { EnvironmentSteps(m_environment, base()); });
    ASSERT_FALSE(made) << source;
    EXPECT_EQ(made.error().code, ErrorCode::definition) << source;
  }
}

TEST_F(EnvironmentTest, DescribesStepsInALine) {
  with_scripts({"\n  apt-get install x\nmore", std::string(100, 'x'), "\xff"});
  const EnvironmentSteps steps(m_environment, base());
  EXPECT_EQ(steps.description(0), "step 1: apt-get install x");
  EXPECT_EQ(steps.description(1), "step 2: " + std::string(60, 'x') + "…");
  EXPECT_EQ(steps.description(2), "step 3: \\xff");
}

TEST_F(EnvironmentTest, InstallsPackagesInTheMachineWhereTheImageIsTheDriversOwn) {
  m_driver.can.boots = Boots::image;
  m_environment.packages = {"sudo", "rsync"};
  with_scripts({"one"});
  const auto prepared =
      EnvironmentBuilder(m_cache, m_driver, m_progress).prepare(m_environment, base(), m_cancel);
  EXPECT_THAT(history(*machine(*prepared)),
              ElementsAre("export DEBIAN_FRONTEND=noninteractive", "apt-get -q update",
                          "apt-get -qy --no-install-recommends install rsync sudo", "one"));
  EXPECT_EQ(m_driver.last_boot.disk, std::nullopt);
  EXPECT_EQ(prepared->definition(), m_environment);
}

}  // namespace
}  // namespace nestbox
