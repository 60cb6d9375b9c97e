#include "harness/base/note.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/owner.hpp"

namespace nestbox {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class Notes : public testing::Test {
protected:
  /// As a process that is gone would have left it.
  void leave(const char* name, const std::string& rest) {
    Owner dead = this_owner();
    ++dead.start_time;
    write_file_atomically(m_folder.path() / name, to_string(dead) + rest);
  }

  TemporaryDirectory m_folder;
};

TEST_F(Notes, AreNotAbandonedWhileTheirOwnerLives) {
  write_note(m_folder.path() / "deep" / "mine", "text");
  EXPECT_TRUE(fs::exists(m_folder.path() / "deep" / "mine"));
  EXPECT_THAT(abandoned_notes(m_folder.path() / "deep"), IsEmpty());
}

TEST_F(Notes, AreFoundWithTheirTextWhenTheirOwnerIsDead) {
  leave("b", "");
  leave("a", "\nline 1\nline 2");
  const std::vector<AbandonedNote> found = abandoned_notes(m_folder.path());
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[0].file, m_folder.path() / "a");
  EXPECT_EQ(found[0].text, "line 1\nline 2");
  EXPECT_EQ(found[1].text, "");
  EXPECT_TRUE(parse_owner(found[1].owner));
}

TEST_F(Notes, ArePassedOverWhenTheyAreNone) {
  write_file_atomically(m_folder.path() / "other", "not a note\n");
  fs::create_directory(m_folder.path() / "folder");
  EXPECT_THAT(abandoned_notes(m_folder.path()), IsEmpty());
  EXPECT_THAT(abandoned_notes(m_folder.path() / "absent"), IsEmpty());
}

}  // namespace
}  // namespace nestbox
