#include "harness/base/owner.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "harness/base/secret.hpp"
#include "harness/base/subprocess.hpp"

namespace nestbox {
namespace {

TEST(Owner, IsAliveWhileItsProcessIs) {
  EXPECT_EQ(state_of(this_owner()), OwnerState::alive);
}

TEST(Owner, IsDeadWhenItsProcessNumberIsAnothersNow) {
  Owner owner = this_owner();
  ++owner.start_time;
  EXPECT_EQ(state_of(owner), OwnerState::dead);
}

TEST(Owner, IsDeadOnceItsProcessHasEnded) {
  Owner owner = this_owner();
  Process ended = Process::spawn({.argv = {"true"}});
  owner.process = ended.pid();
  ASSERT_TRUE(ended.wait(Deadline::after(std::chrono::minutes(1))));
  EXPECT_EQ(state_of(owner), OwnerState::dead);
}

TEST(Owner, IsUnknownWhenItIsOfAnotherBoot) {
  Owner owner = this_owner();
  owner.boot_id = "00000000-0000-4000-8000-000000000000";
  EXPECT_EQ(state_of(owner), OwnerState::unknown);
}

TEST(Owner, IsReadBackAsItWasWritten) {
  const Owner owner{1000, "6f1c3f0e-7a45-4a39-9d0c-7d1d0a3b5f11", 4711, 988123};
  EXPECT_EQ(to_string(owner), "1000@6f1c3f0e-7a45-4a39-9d0c-7d1d0a3b5f11:4711:988123");
  EXPECT_EQ(parse_owner(to_string(owner)).value(), owner);
}

TEST(Owner, IsReadFromNothingElse) {
  for (const char* text : {"", "@::", "1000", "1000@6f1c3f0e-7a45-4a39-9d0c-7d1d0a3b5f11:4711",
                           "1000@6f1c3f0e-7a45-4a39-9d0c-7d1d0a3b5f11:-1:1",
                           "1000@6f1c3f0e-7a45-4a39-9d0c-7d1d0a3b5f11:04711:1", "x@boot:1:1",
                           "1000@6f1c3f0e-7a45-4a39-9d0c-7d1d0a3b5f11:4711:99999999999999999999"})
    EXPECT_EQ(parse_owner(text).error().code, ErrorCode::corrupt) << text;
}

TEST(Secret, PrintsAsStars) {
  std::ostringstream out;
  out << Secret("hunter2");
  EXPECT_EQ(out.str(), "***");
  EXPECT_EQ(Secret("hunter2").reveal(), "hunter2");
}

}  // namespace
}  // namespace nestbox
