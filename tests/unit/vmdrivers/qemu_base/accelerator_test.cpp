#include "vmdrivers/qemu_base/accelerator.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/filesystem.hpp"

namespace nestbox::qemu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Probe works_with(const std::string& name, const std::string& model, double slowdown) {
  return [=](const Rung& rung) -> double {
    if (rung.accelerator != Accelerator{name, model})
      throw Error(ErrorCode::timeout, "a probe guest printed nothing in 6 s");
    return slowdown;
  };
}

TEST(Ladder, TriesHardwareFirst) {
  std::vector<std::string> names;
  for (const Rung& rung : ladder(AcceleratorPolicy::prefer))
    names.push_back(rung.accelerator.name + " " + rung.accelerator.cpu_model);
  EXPECT_EQ(names, (std::vector<std::string>{"kvm host", "kvm host,-arch-capabilities",
                                             "kvm qemu64", "tcg max,-erms,-la57"}));
}

TEST(Ladder, KeepsToThePolicy) {
  for (const Rung& rung : ladder(AcceleratorPolicy::require))
    EXPECT_EQ(rung.accelerator.name, "kvm");
  ASSERT_EQ(ladder(AcceleratorPolicy::never).size(), 1u);
  EXPECT_EQ(ladder(AcceleratorPolicy::never)[0].accelerator, (Accelerator{"tcg", k_emulated_cpu}));
}

TEST(ChooseAccelerator, TakesTheFirstThatWorks) {
  const AcceleratorChoice choice =
      choose_accelerator(AcceleratorPolicy::prefer, std::nullopt, works_with("kvm", "host", 1.1));
  EXPECT_EQ(choice.accelerator, (Accelerator{"kvm", "host"}));
  EXPECT_EQ(choice.slowdown, 1.1);
  EXPECT_EQ(describe(choice), "kvm host");
}

TEST(ChooseAccelerator, SaysBrieflyWhyHardwareIsNotUsed) {
  const auto silent = works_with("tcg", k_emulated_cpu, 12);
  const AcceleratorChoice choice =
      choose_accelerator(AcceleratorPolicy::prefer, std::nullopt, [&](const Rung& rung) {
        if (rung.accelerator.cpu_model == "host")
          throw Error(ErrorCode::lost, "qemu ended: qemu-system-x86_64: failed to set MSR 0x10a");
        return silent(rung);
      });
  EXPECT_EQ(describe(choice), "tcg (no kvm: qemu ended with 'host'; "
                              "a probe guest printed nothing in 6 s with the others)");
  EXPECT_THAT(explain(choice),
              ElementsAre("kvm host: qemu ended: qemu-system-x86_64: failed to set MSR 0x10a",
                          "kvm host,-arch-capabilities: a probe guest printed nothing in 6 s",
                          "kvm qemu64: a probe guest printed nothing in 6 s"));
}

TEST(ChooseAccelerator, ExplainsEachRungThatDoesNotWork) {
  const AcceleratorChoice choice =
      choose_accelerator(AcceleratorPolicy::prefer, std::nullopt, works_with("kvm", "qemu64", 1.1));
  EXPECT_EQ(describe(choice), "kvm qemu64 (a probe guest printed nothing in 6 s)");
}

TEST(ChooseAccelerator, DoesNotProbeHardwareThatIsNotThere) {
  std::vector<Accelerator> probed;
  const Error absent(ErrorCode::unsupported, "there is no '/dev/kvm'", "load kvm_amd");
  const AcceleratorChoice choice =
      choose_accelerator(AcceleratorPolicy::prefer, absent, [&](const Rung& rung) {
        probed.push_back(rung.accelerator);
        return 12.0;
      });
  EXPECT_EQ(probed, (std::vector<Accelerator>{{"tcg", k_emulated_cpu}}));
  EXPECT_EQ(describe(choice), "tcg (no kvm: there is no '/dev/kvm')");
}

TEST(ChooseAccelerator, FailsWhenHardwareIsRequiredAndAbsent) {
  const Error absent(ErrorCode::unsupported, "there is no '/dev/kvm'", "load kvm_amd");
  try {
    choose_accelerator(AcceleratorPolicy::require, absent, works_with("tcg", k_emulated_cpu, 12));
    ADD_FAILURE() << "not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::unsupported);
    EXPECT_EQ(error.message, "no hardware acceleration works: kvm host: there is no '/dev/kvm'");
    EXPECT_EQ(error.hint, "load kvm_amd");
  }
}

TEST(ChooseAccelerator, FailsWhenNothingRuns) {
  try {
    choose_accelerator(AcceleratorPolicy::never, std::nullopt, works_with("none", "", 1));
    ADD_FAILURE() << "not refused";
  } catch (const Error& error) {
    EXPECT_THAT(error.message, HasSubstr("no guest runs: tcg: "));
  }
}

TEST(ChooseAccelerator, StopsWhenCancelled) {
  EXPECT_THROW(choose_accelerator(
                   AcceleratorPolicy::prefer, std::nullopt,
                   [](const Rung&) -> double { throw Error(ErrorCode::cancelled, "cancelled"); }),
               Error);
}

TEST(KvmProblem, SaysThatThereIsNone) {
  const std::optional<Error> problem = kvm_problem("/nonexistent/kvm");
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->message, "there is no '/nonexistent/kvm'");
  EXPECT_NE(problem->hint, "");
}

TEST(KvmProblem, FindsNothingAgainstADeviceThatCanBeOpened) {
  EXPECT_EQ(kvm_problem("/dev/null"), std::nullopt);
}

class AcceleratorFile : public testing::Test {
protected:
  const AcceleratorChoice m_choice = choose_accelerator(AcceleratorPolicy::prefer, std::nullopt,
                                                        works_with("tcg", k_emulated_cpu, 14.5));
  TemporaryDirectory m_directory;
  const fs::path m_file = m_directory.path() / "accelerator.json";
};

TEST_F(AcceleratorFile, KeepsAChoiceForEachPolicy) {
  store_choice(m_file, AcceleratorPolicy::prefer, "this boot", m_choice);
  store_choice(m_file, AcceleratorPolicy::never, "this boot", {{"tcg", k_emulated_cpu}, 2.0, {}});
  EXPECT_EQ(load_choice(m_file, AcceleratorPolicy::prefer, "this boot"), m_choice);
  EXPECT_EQ(load_choice(m_file, AcceleratorPolicy::never, "this boot")->slowdown, 2.0);
  EXPECT_EQ(load_choice(m_file, AcceleratorPolicy::require, "this boot"), std::nullopt);
}

TEST_F(AcceleratorFile, ForgetsWhatWasChosenUnderAnotherKey) {
  store_choice(m_file, AcceleratorPolicy::prefer, "this boot", m_choice);
  EXPECT_EQ(load_choice(m_file, AcceleratorPolicy::prefer, "next boot"), std::nullopt);
  store_choice(m_file, AcceleratorPolicy::never, "next boot", m_choice);
  EXPECT_EQ(load_choice(m_file, AcceleratorPolicy::prefer, "next boot"), std::nullopt);
}

TEST_F(AcceleratorFile, KnowsNothingWhenDamaged) {
  for (const char* text : {"", "{", "[]", "{\"version\":1,\"key\":\"k\",\"choices\":3}",
                           "{\"version\":1,\"key\":\"k\",\"choices\":{\"prefer\":{}}}"}) {
    write_file_atomically(m_file, text);
    EXPECT_EQ(load_choice(m_file, AcceleratorPolicy::prefer, "k"), std::nullopt) << text;
  }
  EXPECT_EQ(load_choice(m_directory.path() / "absent", AcceleratorPolicy::prefer, "k"),
            std::nullopt);
}

TEST_F(AcceleratorFile, IsMadeByTheFirstWhoAsks) {
  int guests = 0;
  int probes = 0;
  const DriverSettings settings{.accelerator = AcceleratorPolicy::never, .probe_guest = [&] {
                                  ++guests;
                                  return std::pair<fs::path, fs::path>("kernel", "initramfs");
                                }};
  const GuestProbe probe = [&](const Rung& rung, const MachineSpec& guest) {
    ++probes;
    EXPECT_EQ(rung.accelerator, (Accelerator{"tcg", k_emulated_cpu}));
    EXPECT_EQ(guest.kernel, "kernel");
    EXPECT_EQ(guest.initramfs, "initramfs");
    return 3.0;
  };
  for (int turn = 0; turn < 2; ++turn)
    EXPECT_EQ(chosen_accelerator(m_file, settings, "qemu 1", probe).slowdown, 3.0);
  EXPECT_EQ(probes, 1);
  chosen_accelerator(m_file, settings, "qemu 2", probe);
  EXPECT_EQ(probes, 2);
  EXPECT_EQ(guests, 2);
  // A nestbox with other rungs chooses anew.
  EXPECT_THAT(read_file(m_file, kibibytes(64)), HasSubstr(fmt::format("tcg {}'", k_emulated_cpu)));
}

TEST_F(AcceleratorFile, NeedsAGuestToBeMade) {
  const GuestProbe probe = [](const Rung&, const MachineSpec&) { return 1.0; };
  EXPECT_THROW(chosen_accelerator(m_file, {}, "qemu 1", probe), Error);
}

}  // namespace
}  // namespace nestbox::qemu
