#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/text.hpp"
#include "tests/unit/layers/layer_check.hpp"

namespace nestbox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Layers, HoldInThisTree) {
  const std::vector<std::string> violations = layer_violations_below(NESTBOX_SOURCE_DIR);
  EXPECT_THAT(violations, IsEmpty()) << join(violations, "\n");
}

TEST(Layers, AllowAnArrowDown) {
  EXPECT_THAT(layer_violations("harness/env/a.cpp", "#include \"harness/guest/b.hpp\"\n"),
              IsEmpty());
  EXPECT_THAT(layer_violations("runner/a.cpp", "#include \"harness/env/b.hpp\"\n"), IsEmpty());
  EXPECT_THAT(layer_violations("ci/server/a.cpp", "#include \"runner/b.hpp\"\n"), IsEmpty());
}

TEST(Layers, NameFileLineAndRuleOfAnArrowUp) {
  EXPECT_THAT(
      layer_violations("harness/base/a.cpp", "#include <x>\n\n#include \"harness/vm/b.hpp\"\n"),
      ElementsAre("harness/base/a.cpp:3: includes 'harness/vm/b.hpp', but 'harness/base' may "
                  "include only itself"));
  EXPECT_THAT(layer_violations("vmdrivers/qemu/a.cpp", "#include \"harness/env/b.hpp\"\n"),
              ElementsAre(HasSubstr("may include only itself and harness/aws, harness/base")));
}

TEST(Layers, SeeAnIncludeHoweverItIsSpaced) {
  EXPECT_EQ(layer_violations("harness/vm/a.hpp", "  # include\t\"runner/b.hpp\" // x").size(), 1U);
}

TEST(Layers, KeepDriversApart) {
  EXPECT_THAT(layer_violations("vmdrivers/qemu/a.cpp", "#include \"vmdrivers/local/b.hpp\"\n"),
              ElementsAre(HasSubstr("a driver never includes another driver")));
  EXPECT_THAT(layer_violations("runner/a.cpp", "#include \"vmdrivers/local/b.hpp\"\n"),
              ElementsAre(HasSubstr("by vmdrivers/register_drivers.cpp only")));
}

TEST(Layers, LetDriversShareWhatRunsQemu) {
  const std::string include = "#include \"vmdrivers/qemu_base/b.hpp\"\n";
  EXPECT_THAT(layer_violations("vmdrivers/qemu/a.cpp", include), IsEmpty());
  EXPECT_THAT(layer_violations("vmdrivers/qemu_base/a.cpp", include), IsEmpty());
  EXPECT_THAT(layer_violations("runner/a.cpp", include),
              ElementsAre(HasSubstr("is included by drivers only")));
  EXPECT_THAT(layer_violations("vmdrivers/qemu_base/a.cpp", "#include \"vmdrivers/qemu/b.hpp\"\n"),
              ElementsAre(HasSubstr("a driver is included by")));
  EXPECT_THAT(layer_violations("vmdrivers/qemu_base/a.cpp", "#include \"harness/env/b.hpp\"\n"),
              ElementsAre(HasSubstr("may include only itself and harness/aws, harness/base")));
}

TEST(Layers, LetOnlyMainKnowEveryDriver) {
  const std::string include = "#include \"vmdrivers/register_drivers.hpp\"\n";
  EXPECT_THAT(layer_violations("runner/main.cpp", include), IsEmpty());
  EXPECT_THAT(layer_violations("benchmarks/lab.cpp", include), IsEmpty());
  EXPECT_THAT(layer_violations("runner/cli/run.cpp", include),
              ElementsAre(HasSubstr("only a program's main.cpp")));
}

TEST(Layers, ShareTheTestsSupportWithBenchmarks) {
  EXPECT_THAT(layer_violations("benchmarks/a.cpp", "#include \"tests/support/b.hpp\"\n"),
              IsEmpty());
  EXPECT_THAT(layer_violations("benchmarks/a.cpp", "#include \"tests/unit/b.hpp\"\n"),
              ElementsAre(HasSubstr("share tests/support only")));
}

TEST(Layers, WantPathsFromTheRoot) {
  EXPECT_THAT(layer_violations("runner/a.cpp", "#include \"b.hpp\"\n"),
              ElementsAre(HasSubstr("by path from the root")));
  EXPECT_THAT(layer_violations("runner/a.cpp", "#include \"tests/support/b.hpp\"\n"),
              ElementsAre(HasSubstr("never into the tests")));
}

}  // namespace
}  // namespace nestbox
