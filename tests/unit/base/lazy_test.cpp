#include "harness/base/lazy.hpp"

#include <gtest/gtest.h>

namespace nestbox {
namespace {

TEST(Lazy, LooksOnceAndNotBeforeItIsAsked) {
  int looks = 0;
  const Lazy<int> lazy([&] { return ++looks; });
  EXPECT_EQ(looks, 0);
  EXPECT_EQ(lazy.get(), 1);
  EXPECT_EQ(lazy.get(), 1);
}

TEST(Lazy, KeepsWhyThereIsNone) {
  int looks = 0;
  const Lazy<int> lazy([&]() -> int {
    ++looks;
    throw Error(ErrorCode::unsupported, "there is none");
  });
  EXPECT_THROW(lazy.get(), Error);
  EXPECT_THROW(lazy.get(), Error);
  EXPECT_EQ(looks, 1);
}

}  // namespace
}  // namespace nestbox
