#include "harness/vm/bounds.hpp"

#include <gtest/gtest.h>

namespace nestbox {
namespace {

const Bounds k_bounds{.sizes = std::vector<MachineSize>{{2, gibibytes(2)}, {4, gibibytes(8)}},
                      .machines = 3,
                      .cores = 8,
                      .memory = gibibytes(10),
                      .raised_by = "'max' in 'file'"};

TEST(Bounds, LetEverythingThroughWhenThereAreNone) {
  EXPECT_EQ(beyond({}, {}), std::nullopt);
  EXPECT_EQ(beyond({}, {{1'000, gibibytes(1'000)}, {1'000, gibibytes(1'000)}}), std::nullopt);
}

TEST(Bounds, SayThatNoSizeFits) {
  EXPECT_EQ(beyond(k_bounds, {{4, gibibytes(8)}}), std::nullopt);
  EXPECT_EQ(beyond(k_bounds, {{5, mebibytes(512)}}),
            "has no machine with 5 cores and 512 MiB: see 'max' in 'file'");
  EXPECT_EQ(beyond(k_bounds, {{1, gibibytes(9)}}),
            "has no machine with 1 core and 9 GiB: see 'max' in 'file'");
  EXPECT_EQ(beyond({.sizes = std::vector<MachineSize>(), .raised_by = "it"}, {{1, {}}}),
            "has no machine with 1 core and 0 B: see it");
}

TEST(Bounds, CountWhatIsTakenTogether) {
  const MachineSize small{1, mebibytes(512)};  // takes 2 cores and 2 GiB
  EXPECT_EQ(beyond(k_bounds, {small, small, small}), std::nullopt);
  EXPECT_EQ(beyond(k_bounds, {small, small, small, small}),
            "may have 3 machines at once, not 4: see 'max' in 'file'");
  EXPECT_EQ(beyond(k_bounds, {{3, {}}, {3, {}}, small}),
            "may have 8 cores at once, not 10: see 'max' in 'file'");
  EXPECT_EQ(beyond(k_bounds, {{3, {}}, {3, {}}}),
            "may have 10 GiB of memory at once, not 16 GiB: see 'max' in 'file'");
}

}  // namespace
}  // namespace nestbox
