#include "harness/model/content_key.hpp"

#include <gtest/gtest.h>

namespace nestbox {
namespace {

TEST(ContentKey, DiffersByKindAndContent) {
  EXPECT_EQ(content_key(RunStep{"a"}), content_key(RunStep{"a"}));
  EXPECT_NE(content_key(RunStep{"a"}), content_key(RunStep{"b"}));
  EXPECT_NE(content_key(RunStep{"a"}), content_key(CopyStep{"x", "a"}, ""));
}

TEST(ContentKey, TakesCopiedFilesByTheirContent) {
  EXPECT_EQ(content_key(CopyStep{"old-name", "/a"}, "hash"),
            content_key(CopyStep{"new-name", "/a"}, "hash"));
  EXPECT_NE(content_key(CopyStep{"x", "/a"}, "one"), content_key(CopyStep{"x", "/a"}, "other"));
  EXPECT_NE(content_key(CopyStep{"x", "/a"}, "hash"), content_key(CopyStep{"x", "/b"}, "hash"));
}

}  // namespace
}  // namespace nestbox
