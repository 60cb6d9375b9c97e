#include "harness/vm/driver_registry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/error.hpp"

namespace nestbox {
namespace {

using testing::ElementsAre;

DriverRegistry two_drivers(std::string& made) {
  DriverRegistry registry;
  for (const std::string name : {"qemu", "local"}) {
    const auto make = [&made, name](const DriverSettings&) {
      made = name;
      return nullptr;
    };
    registry.add(name, make, name == "qemu" ? Cost::guest : Cost::nothing);
  }
  return registry;
}

TEST(DriverRegistry, KeepsTheOrderOfPreference) {
  std::string made;
  EXPECT_THAT(two_drivers(made).names(), ElementsAre("qemu", "local"));
}

TEST(DriverRegistry, KnowsWhatDriversCost) {
  std::string made;
  EXPECT_THAT(two_drivers(made).names(Cost::guest), ElementsAre("qemu"));
  EXPECT_THAT(two_drivers(made).names(Cost::money), ElementsAre());
  EXPECT_EQ(made, "");
}

TEST(DriverRegistry, MakesADriverByName) {
  std::string made;
  two_drivers(made).make("local", {});
  EXPECT_EQ(made, "local");
}

TEST(DriverRegistry, AnswersAnUnknownNameWithTheNearest) {
  std::string made;
  const DriverRegistry registry = two_drivers(made);
  try {
    registry.make("qemo", {});
    FAIL() << "did not throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.render(), "error: unknown driver 'qemo'\nhint: did you mean 'qemu'?");
    EXPECT_EQ(error.code, ErrorCode::usage);
  }
  try {
    registry.make("vmware", {});
    FAIL() << "did not throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.hint, "the drivers are qemu, local");
  }
}

}  // namespace
}  // namespace nestbox
