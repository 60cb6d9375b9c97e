#include "vmdrivers/libvirt/leftovers.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "harness/base/owner.hpp"

namespace nestbox::libvirt {
namespace {

TEST(LibvirtLeftovers, AreWhatADeadOwnerMade) {
  Owner owner = this_owner();
  EXPECT_FALSE(is_left(to_string(owner)));
  owner.start_time += 1;
  EXPECT_TRUE(is_left(to_string(owner)));
  owner.boot_id = std::string(owner.boot_id.size(), '0');
  EXPECT_TRUE(is_left(to_string(owner)));
}

TEST(LibvirtLeftovers, AreNeverWhatNobodyKnowsTheOwnerOf) {
  EXPECT_FALSE(is_left(""));
  EXPECT_FALSE(is_left("root"));
}

TEST(LibvirtLeftovers, AreOthersOnlyForRoot) {
  Owner owner = this_owner();
  owner.start_time += 1;
  owner.user += 1;
  EXPECT_EQ(is_left(to_string(owner)), ::getuid() == 0);
}

}  // namespace
}  // namespace nestbox::libvirt
