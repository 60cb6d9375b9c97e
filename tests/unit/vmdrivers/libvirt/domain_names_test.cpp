#include "vmdrivers/libvirt/domain_names.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace nestbox::libvirt {
namespace {

std::string named(int number) {
  return "nestbox-" + std::to_string(::geteuid()) + "-" + std::to_string(number);
}

TEST(DomainNames, AreUsedAgainOnceGivenBack) {
  DomainNames names;
  const DomainName one = names.take();
  {
    const DomainName two = names.take();
    EXPECT_EQ(one.text(), named(1));
    EXPECT_EQ(two.text(), named(2));
  }
  EXPECT_EQ(names.take().text(), named(2));
}

TEST(DomainNames, GoOnBehindOneThatSomebodyElseHas) {
  DomainNames names;
  DomainName name;
  for (int number = 1; number <= 3; ++number) {
    name = names.take(name);
    EXPECT_EQ(name.text(), named(number));
  }
  EXPECT_EQ(names.take().text(), named(1)) << "only the last is held";
}

}  // namespace
}  // namespace nestbox::libvirt
