// What a host can lack, and what the user is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/nestbox_program.hpp"

namespace nestbox {
namespace {

using testing::HasSubstr;

/// A PATH with everything of ours but the named programs.
void hide_programs(NestboxProgram& nestbox, const std::vector<std::string>& hidden) {
  const fs::path bin = nestbox.home() / "bin";
  fs::create_directories(bin);
  for (const char* directory : {"/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"})
    for (const fs::directory_entry& program : fs::directory_iterator(directory)) {
      const std::string name = program.path().filename();
      if (std::ranges::find(hidden, name) == hidden.end() && !fs::exists(bin / name))
        fs::create_symlink(program.path(), bin / name);
    }
  nestbox.environment["PATH"] = bin;
}

TEST(NoQemu, FallsBackToScriptModeAndSaysWhy) {
  NestboxProgram nestbox;
  hide_programs(nestbox, {"qemu-system-x86_64"});
  const Captured run = nestbox.run({"run", "--", "echo", "on the host"});
  EXPECT_EQ(run.status, ExitStatus{}) << run.diagnostics;
  EXPECT_THAT(run.output, HasSubstr("on the host"));
  EXPECT_THAT(run.output + run.diagnostics, HasSubstr("qemu-system-x86_64"));
}

TEST(NoQemu, NeverRunsAMachineTestOnTheHost) {
  NestboxProgram nestbox;
  hide_programs(nestbox, {"qemu-system-x86_64"});
  nestbox.write_script("test.sh", "#!/bin/sh\n# nestbox: markers=vm\ntouch ran\n");
  const Captured run = nestbox.run({"run", "./test.sh"});
  EXPECT_THAT(run.output, HasSubstr("skipped"));
  EXPECT_FALSE(fs::exists(nestbox.working_directory / "ran"));
}

TEST(NoQemu, IsAnErrorWithAHintWhenQemuIsDemanded) {
  NestboxProgram nestbox;
  hide_programs(nestbox, {"qemu-system-x86_64"});
  const Captured run = nestbox.run({"run", "--driver", "qemu", "--", "true"});
  EXPECT_EQ(run.status.code, 3);
  EXPECT_THAT(run.diagnostics, HasSubstr("apt-get install"));
}

TEST(NoKernel, IsAnErrorThatNamesWhatIsMissing) {
  NestboxProgram nestbox(NestboxProgram::Cache::empty);
  hide_programs(nestbox, {"apt-get", "apt-cache"});
  const Captured run = nestbox.run({"run", "--driver", "qemu", "-e", "tiny", "--", "true"});
  EXPECT_EQ(run.status.code, 3) << run.output << run.diagnostics;
  EXPECT_THAT(run.diagnostics, HasSubstr("apt"));
  EXPECT_THAT(run.diagnostics, HasSubstr("kernel"));
}

/// Puts a program in the place of QEMU that treats hardware acceleration as `on_kvm` says and is
/// QEMU otherwise.
void wrap_qemu(NestboxProgram& nestbox, const std::string& on_kvm) {
  hide_programs(nestbox, {"qemu-system-x86_64"});
  const fs::path wrapper = nestbox.home() / "bin/qemu-system-x86_64";
  write_file_atomically(wrapper, "#!/bin/sh\ncase \"$*\" in *kvm*) " + on_kvm
                                     + ";; esac\nexec /usr/bin/qemu-system-x86_64 \"$@\"\n");
  fs::permissions(wrapper, fs::perms::owner_all);
}

TEST(HangingKvm, IsFoundOutInBoundedTimeAndExplained) {
  NestboxProgram nestbox(NestboxProgram::Cache::image);
  fs::remove(nestbox.cache() / "accelerator.json");
  wrap_qemu(nestbox, "exec sleep 1000");
  const Captured run = nestbox.run({"run", "-e", "tiny", "--", "echo", "emulated"});
  EXPECT_EQ(run.status, ExitStatus{}) << run.diagnostics;
  EXPECT_THAT(run.output, HasSubstr("emulated"));
  EXPECT_THAT(run.output + run.diagnostics, HasSubstr("tcg"));
  EXPECT_THAT(nestbox.run({"doctor"}).output, HasSubstr("kvm"));
  EXPECT_TRUE(nestbox.processes_gone());
}

TEST(BrokenKvm, IsAnErrorWhenHardwareIsRequired) {
  NestboxProgram nestbox(NestboxProgram::Cache::image);
  fs::remove(nestbox.cache() / "accelerator.json");
  wrap_qemu(nestbox, "echo 'kvm is broken here' >&2; exit 1");
  const Captured run = nestbox.run({"run", "--accel", "require", "-e", "tiny", "--", "true"});
  EXPECT_EQ(run.status.code, 3);
  EXPECT_THAT(run.diagnostics, HasSubstr("--accel prefer"));
}

TEST(NoKvmDevice, IsSaidAndEmulationIsUsed) {
  NestboxProgram nestbox(NestboxProgram::Cache::image);
  fs::remove(nestbox.cache() / "accelerator.json");
  ProcessSpec spec = nestbox.spec({"run", "-e", "tiny", "--", "echo", "emulated"});
  // A mount namespace of its own in which /dev has no kvm.
  spec.argv.insert(
      spec.argv.begin(),
      {"unshare", "--user", "--map-root-user", "--mount", "sh", "-ec",
       "mount -t tmpfs tmpfs \"$TMPDIR\"; mkdir \"$TMPDIR/dev\"\n"
       "for d in null zero full random urandom tty ptmx pts shm fd stdin stdout stderr; do\n"
       "  if test -d /dev/$d && ! test -L /dev/$d; then mkdir \"$TMPDIR/dev/$d\"; mount --rbind "
       "/dev/$d \"$TMPDIR/dev/$d\"\n"
       "  elif test -L /dev/$d; then cp -P /dev/$d \"$TMPDIR/dev/$d\"\n"
       "  else touch \"$TMPDIR/dev/$d\"; mount --bind /dev/$d \"$TMPDIR/dev/$d\"; fi\n"
       "done\n"
       "mount --rbind \"$TMPDIR/dev\" /dev; umount -l \"$TMPDIR\"; exec \"$@\"",
       "sh"});
  const Captured run = run_captured(spec, Deadline::after(std::chrono::minutes(3)));
  EXPECT_EQ(run.status, ExitStatus{}) << run.diagnostics;
  EXPECT_THAT(run.output, HasSubstr("emulated"));
  EXPECT_THAT(run.output + run.diagnostics, HasSubstr("/dev/kvm"));
}

}  // namespace
}  // namespace nestbox
