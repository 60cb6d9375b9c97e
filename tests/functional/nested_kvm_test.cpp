#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/subprocess.hpp"
#include "harness/base/text.hpp"
#include "harness/env/environment.hpp"
#include "tests/functional/tiny_machines.hpp"
#include "tests/support/progress_recorder.hpp"

namespace nestbox {
namespace {

using testing::HasSubstr;

/// The program with every library it needs, for a system that may have none of them: `./ld.so`,
/// `./lib`, `./program`.
void stage_program(const fs::path& program, const fs::path& directory) {
  fs::create_directory(directory / "lib");
  fs::copy_file(program, directory / "program");
  const std::string listing =
      run_checked({.argv = {"ldd", program.string()}}, Deadline::after(std::chrono::minutes(1)));
  for (const std::string& line : split(listing, '\n')) {
    const std::size_t start = line.find('/');
    if (start == std::string::npos)
      continue;
    const fs::path library = line.substr(start, line.find(' ', start) - start);
    const bool loader = library.filename().string().starts_with("ld-linux");
    fs::copy_file(library, loader ? directory / "ld.so" : directory / "lib" / library.filename());
  }
}

std::vector<std::string> files_below(const fs::path& directory) {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    if (entry.is_regular_file())
      files.push_back(fs::relative(entry.path(), directory));
  return files;
}

/// Hosts like ours have no working KVM. An emulated machine has: its `max` processor offers SVM.
TEST(NestedKvm, IsFoundAndForksInsideAnEmulatedMachine) {
  const auto driver = make_machine_driver();
  ASSERT_TRUE(driver->capabilities().nested);
  Environment definition = builtin_environments().at("debian");
  definition.name = "nested";
  definition.memory = gibibytes(2);
  definition.packages = {"qemu-system-x86"};
  LayerCache cache(cache_directory());
  ProgressRecorder progress;
  const auto environment =
      EnvironmentBuilder(cache, *driver, progress).prepare(definition, fs::current_path(), {});

  const TemporaryDirectory staged;
  stage_program(NESTBOX_KVM_LADDER, staged.path());
  const auto [kernel, initramfs] = tiny_guest();
  fs::copy_file(kernel, staged.path() / "kernel");
  fs::copy_file(initramfs, staged.path() / "initramfs");

  const Deadline deadline = Deadline::after(std::chrono::minutes(15));
  const auto machine = environment->machine("nested", Isolation::fork, deadline, {});
  machine->transport().put(staged.path(), files_below(staged.path()), "/srv/nested", deadline, {});
  std::string output;
  CommandIo io;
  io.output = [&](OutputStream, std::string_view bytes) { output += bytes; };
  const CommandResult result = machine->transport().run(
      {.argv = {"/bin/sh", "-ec",
                "modprobe kvm_amd && cd /srv/nested && "
                "exec ./ld.so --library-path ./lib ./program kernel initramfs"}},
      io, deadline, {});
  EXPECT_EQ(result.status, ExitStatus{}) << output;
  EXPECT_THAT(output, HasSubstr("kvm: qemu-system-x86_64 "));
  EXPECT_THAT(output, HasSubstr("forked\n"));
}

}  // namespace
}  // namespace nestbox
