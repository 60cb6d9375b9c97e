#include "vmdrivers/ssh/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "harness/base/error.hpp"

namespace nestbox::ssh {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(SshSettings, AreReadWhole) {
  ::setenv("HOME", "/home/a", 1);
  const Host expected = {
      .name = "lab1",
      .endpoint = {.address = "lab1.example.org",
                   .port = 2222,
                   .user = "ci",
                   .identity = "/home/a/.ssh/ci",
                   .host_key = {.fingerprint = "SHA256:abc", .known_hosts = "/etc/ci_hosts"}},
      .sudo = true,
      .directory = "/var/tmp/nestbox"};
  EXPECT_THAT(parse_settings("hosts:\n"
                             "  lab1:\n"
                             "    address: lab1.example.org\n"
                             "    port: 2222\n"
                             "    user: ci\n"
                             "    identity: ~/.ssh/ci\n"
                             "    host_key: SHA256:abc\n"
                             "    known_hosts: /etc/ci_hosts\n"
                             "    sudo: true\n"
                             "    directory: /var/tmp/nestbox\n",
                             "ssh.yml"),
              ElementsAre(expected));
}

TEST(SshSettings, LetHostsHaveMuchInCommon) {
  EXPECT_THAT(
      parse_settings("defaults: {user: ci, port: 2222}\n"
                     "hosts:\n  lab1.example.org:\n  lab2: {port: 22, address: 192.0.2.7}\n",
                     "ssh.yml"),
      ElementsAre(
          Host{.name = "lab1.example.org",
               .endpoint = {.address = "lab1.example.org", .port = 2222, .user = "ci"}},
          Host{.name = "lab2", .endpoint = {.address = "192.0.2.7", .port = 22, .user = "ci"}}));
}

TEST(SshSettings, MayNameNoHost) {
  EXPECT_THAT(parse_settings("", "ssh.yml"), IsEmpty());
  EXPECT_THAT(parse_settings("hosts: {}\n", "ssh.yml"), IsEmpty());
}

std::string mistake(const std::string& text) {
  try {
    parse_settings(text, "ssh.yml");
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::definition);
    EXPECT_TRUE(error.where);
    return error.render();
  }
  return "none";
}

TEST(SshSettings, PointAtMistakes) {
  EXPECT_THAT(mistake("hosts: {a: {adress: x}}\n"), HasSubstr("did you mean 'address'?"));
  EXPECT_THAT(mistake("hosts: {a/b: {}}\n"), HasSubstr("'a/b' cannot name a host"));
  EXPECT_THAT(mistake("hosts: {a: {port: 0}}\n"), HasSubstr("'port'"));
  EXPECT_THAT(mistake("hosts: {a: {host_key: abc}}\n"), HasSubstr("ssh-keygen -lf"));
  EXPECT_THAT(mistake("hosts: {a: {directory: ~/x}}\n"), HasSubstr("below the user's home"));
}

TEST(SshSettings, LieWhereTheEnvironmentSays) {
  ::unsetenv("NESTBOX_SSH_CONFIG");
  ::setenv("HOME", "/home/a", 1);
  ::unsetenv("XDG_CONFIG_HOME");
  EXPECT_EQ(settings_file(), "/home/a/.config/nestbox/ssh.yml");
  ::setenv("XDG_CONFIG_HOME", "/etc/xdg", 1);
  EXPECT_EQ(settings_file(), "/etc/xdg/nestbox/ssh.yml");
  ::setenv("NESTBOX_SSH_CONFIG", "/nonexistent/ssh.yml", 1);
  EXPECT_EQ(settings_file(), "/nonexistent/ssh.yml");
  EXPECT_THAT(load_settings(), IsEmpty());
}

}  // namespace
}  // namespace nestbox::ssh
