#include "harness/base/shared_library.hpp"

#include <gmock/gmock.h>
#include <math.h>

#include "harness/base/error.hpp"

namespace nestbox {
namespace {

using testing::HasSubstr;

constinit const SharedLibrary k_maths("libm.so.6", "libc6");
NESTBOX_LAZY_FUNCTION(k_maths, cbrtf);

TEST(SharedLibrary, CallsFunctionsUnderTheirOwnNames) {
  EXPECT_EQ(cbrtf(27.0F), 3.0F);
  EXPECT_EQ(cbrtf(8.0F), 2.0F);
}

TEST(SharedLibrary, TellsWhatToInstall) {
  static constinit const SharedLibrary absent("libnestbox-absent.so.0", "absent0");
  for (int attempt = 0; attempt < 2; ++attempt)
    try {
      absent.symbol("anything");
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.code, ErrorCode::unsupported);
      EXPECT_THAT(error.message, HasSubstr("libnestbox-absent.so.0"));
      EXPECT_EQ(error.hint, "apt-get install absent0");
    }
}

TEST(SharedLibrary, TellsThatALibraryIsTooOld) {
  try {
    k_maths.symbol("nestbox_absent");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::unsupported);
    EXPECT_THAT(error.message, HasSubstr("'libm.so.6' has no 'nestbox_absent'"));
  }
}

}  // namespace
}  // namespace nestbox
