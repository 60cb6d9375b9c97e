#include "harness/base/base64.hpp"

#include <gtest/gtest.h>

namespace nestbox {
namespace {

TEST(Base64, IsReadBack) {
  for (const std::string text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"})
    EXPECT_EQ(from_base64(base64(text)), text);
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(from_base64("Zm9v\nYmE=\n"), "fooba");
  EXPECT_EQ(from_base64("Zm9"), "");
  EXPECT_EQ(from_base64("%%%%"), "");
}

}  // namespace
}  // namespace nestbox
