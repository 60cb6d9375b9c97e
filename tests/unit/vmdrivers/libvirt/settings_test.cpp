#include "vmdrivers/libvirt/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nestbox::libvirt {
namespace {

using testing::HasSubstr;

Result<LibvirtSettings> with_uri(const std::string& uri, bool root = true) {
  return read_settings(
      [&](const char* name) {
        return std::string(name) == "LIBVIRT_DEFAULT_URI" ? std::optional(uri) : std::nullopt;
      },
      root);
}

TEST(LibvirtSettings, GoToTheSystemsDaemonForRootAndToTheSessionsForOthers) {
  const auto nothing = [](const char*) { return std::optional<std::string>(); };
  EXPECT_EQ(read_settings(nothing, true), (LibvirtSettings{"qemu:///system", true}));
  EXPECT_EQ(read_settings(nothing, false), (LibvirtSettings{"qemu:///session", false}));
  EXPECT_EQ(with_uri("", false), (LibvirtSettings{"qemu:///session", false}));
}

TEST(LibvirtSettings, TakeTheVariableOfLibvirtItself) {
  EXPECT_EQ(with_uri("qemu:///session"), (LibvirtSettings{"qemu:///session", false}));
  EXPECT_EQ(with_uri("qemu:///system", false), (LibvirtSettings{"qemu:///system", true}));
  const std::string socket = "qemu+unix:///system?socket=/run/x/libvirt-sock";
  EXPECT_EQ(with_uri(socket), (LibvirtSettings{socket, true}));
}

TEST(LibvirtSettings, RefuseWhatIsNoQemuOfThisHost) {
  for (const char* uri : {"qemu+ssh://host.example/system", "xen:///system", "qemu:///embed",
                          "qemu:///system2", "test:///default"}) {
    const auto settings = with_uri(uri);
    ASSERT_FALSE(settings) << uri;
    EXPECT_EQ(settings.error().code, ErrorCode::unsupported);
    EXPECT_EQ(settings.error().message,
              "LIBVIRT_DEFAULT_URI is '" + std::string(uri) + "', which is no QEMU of this host");
    EXPECT_THAT(settings.error().hint, HasSubstr("qemu:///session"));
  }
}

}  // namespace
}  // namespace nestbox::libvirt
