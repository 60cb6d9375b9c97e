#include "harness/env/apt_sources.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nestbox {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::string k_keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

TEST(AptSources, ReadsOneLineEntries) {
  EXPECT_THAT(
      parse_apt_sources("# a comment\n"
                        "deb http://mirror.test/debian bookworm main contrib # more\n"
                        "deb-src http://mirror.test/debian bookworm main\n"
                        "deb [arch=amd64 signed-by="
                            + k_keyring
                            + "] http://mirror.test/debian bookworm-updates main\n"
                              "deb [ trusted=yes ] file:/srv ./\n"
                              "deb\ndeb http://half.test\n\n",
                        false),
      ElementsAre(AptSource{"http://mirror.test/debian", "bookworm", {"main", "contrib"}, ""},
                  AptSource{"http://mirror.test/debian", "bookworm-updates", {"main"}, k_keyring},
                  AptSource{"file:/srv", "./", {}, ""}));
}

TEST(AptSources, ReadsDeb822Stanzas) {
  EXPECT_THAT(
      parse_apt_sources("Types: deb deb-src\n# comment\nURIs: http://mirror.test/debian\n"
                        "Suites: bookworm bookworm-updates\nComponents: main\nSigned-By: "
                            + k_keyring
                            + "\n\n"
                              "types: deb\nuris: http://off.test\nsuites: bookworm\nenabled: no\n\n"
                              "Types: deb\nURIs: http://folded.test\nSuites: "
                              "bookworm\nComponents:\n main\n extra\n",
                        true),
      ElementsAre(AptSource{"http://mirror.test/debian", "bookworm", {"main"}, k_keyring},
                  AptSource{"http://mirror.test/debian", "bookworm-updates", {"main"}, k_keyring},
                  AptSource{"http://folded.test", "bookworm", {"main", "extra"}, ""}));
}

TEST(AptSources, ChoosesDebiansOwnOfTheSuite) {
  const AptSource debian = {"http://mirror.test/debian", "bookworm", {"main"}, k_keyring};
  const AptSource security = {
      "http://mirror.test/debian-security", "bookworm-security", {"main"}, ""};
  const AptSource other_suite = {"http://mirror.test/debian", "trixie", {"main"}, ""};
  const AptSource other_component = {"https://vendor.test/debian", "bookworm", {"stable"}, ""};
  const AptSource other_key = {
      "https://vendor.test/debian", "bookworm", {"main"}, "/etc/apt/keyrings/vendor.gpg"};
  EXPECT_THAT(sources_of_suite({other_component, debian, other_key, debian, other_suite, security},
                               "bookworm"),
              ElementsAre(debian, security));
  EXPECT_THAT(sources_of_suite({security}, "bookworm"), IsEmpty()) << "security alone is no suite";
}

TEST(AptSources, FormatsWhatAptReads) {
  const std::vector<AptSource> sources = {
      {"http://mirror.test/debian", "bookworm", {"main", "contrib"}, ""},
      {"http://mirror.test/debian", "bookworm-updates", {"main"}, k_keyring}};
  const std::string text = format_apt_sources(sources);
  EXPECT_EQ(text, "deb http://mirror.test/debian bookworm main contrib\n"
                  "deb [signed-by="
                      + k_keyring + "] http://mirror.test/debian bookworm-updates main\n");
  EXPECT_EQ(parse_apt_sources(text, false), sources);
}

TEST(AptSources, TakesTheMirrorThatTheUserNames) {
  ::setenv("NESTBOX_DEBIAN_MIRROR", "http://mirror.test/debian", 1);
  const std::string stable = format_apt_sources(host_apt_sources("bookworm"));
  const std::string sid = format_apt_sources(host_apt_sources("sid"));
  ::unsetenv("NESTBOX_DEBIAN_MIRROR");
  EXPECT_THAT(stable, testing::HasSubstr("http://mirror.test/debian bookworm main\n"));
  EXPECT_THAT(stable, testing::HasSubstr("http://mirror.test/debian bookworm-updates main\n"));
  EXPECT_THAT(stable,
              testing::HasSubstr("http://mirror.test/debian-security bookworm-security main\n"));
  EXPECT_THAT(sid, testing::Not(testing::HasSubstr("sid-updates")));
}

}  // namespace
}  // namespace nestbox
