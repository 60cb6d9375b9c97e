#include "harness/env/kernel_modules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nestbox {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* k_modules_dep = "kernel/a.ko:\n"
                                      "kernel/net/b-c.ko.xz: kernel/a.ko\n"
                                      "kernel/d.ko: kernel/net/b-c.ko.xz kernel/a.ko\n"
                                      "kernel/loop1.ko: kernel/loop2.ko\n"
                                      "kernel/loop2.ko: kernel/loop1.ko\n"
                                      "no colon\n";

TEST(KernelModules, LoadsWhatIsNeededFirst) {
  const KernelModules modules(k_modules_dep);
  EXPECT_THAT(modules.load_order({"d"}),
              ElementsAre("kernel/a.ko", "kernel/net/b-c.ko.xz", "kernel/d.ko"));
  EXPECT_THAT(modules.load_order({"a", "d", "a"}),
              ElementsAre("kernel/a.ko", "kernel/net/b-c.ko.xz", "kernel/d.ko"));
}

TEST(KernelModules, TakesDashAndUnderscoreForOne) {
  const KernelModules modules(k_modules_dep);
  EXPECT_EQ(modules.load_order({"b_c"}), modules.load_order({"b-c"}));
  EXPECT_THAT(modules.load_order({"b_c"}), ElementsAre("kernel/a.ko", "kernel/net/b-c.ko.xz"));
}

TEST(KernelModules, LeavesOutWhatIsBuiltIn) {
  EXPECT_THAT(KernelModules(k_modules_dep).load_order({"ext4"}), IsEmpty());
}

TEST(KernelModules, EndsOnACycle) {
  EXPECT_THAT(KernelModules(k_modules_dep).load_order({"loop1"}),
              ElementsAre("kernel/loop2.ko", "kernel/loop1.ko"));
}

}  // namespace
}  // namespace nestbox
