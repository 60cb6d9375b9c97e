// The verbs on real machines, tiny ones and one with systemd.
#include <gmock/gmock.h>

#include "harness/base/pipe.hpp"
#include "tests/functional/world_fixture.hpp"

namespace nestbox {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr const char* k_pair = R"(
topologies:
  world:
    networks:
      lan: {}
      wan: {}
    machines:
      a: {environment: tiny, networks: [lan]}
      b: {environment: tiny, networks: [lan, wan]}
)";

class WorldVerbs : public WorldFixture {
protected:
  WorldVerbs() : m_world(make(*prepare(k_pair), "verbs")) {}

  Done verb(const std::string& words, const std::string& caller = {}) {
    return WorldFixture::verb(*m_world, words, caller);
  }

  Error failure(const std::string& words) {
    try {
      verb(words);
    } catch (const Error& error) {
      return error;
    }
    return Error(ErrorCode::usage, "nothing failed");
  }

  std::unique_ptr<World> m_world;
};

TEST_F(WorldVerbs, WaitForAPort) {
  verb("exec b -- sh -c '(sleep 1; exec nc -l -p 8080) > /dev/null 2>&1 &'");
  EXPECT_EQ(verb("wait-for b port 8080 --timeout 60s").code, 0);
  const Error error = failure("wait-for b port 9 --timeout 300ms");
  EXPECT_EQ(error.message, "machine 'b' did not listen on port 9 within 300 ms");
  EXPECT_EQ(error.hint, "it listens on 8080");
}

TEST_F(WorldVerbs, WaitForAFile) {
  verb("exec a,b -- sh -c '(sleep 1; mkdir -p /srv/x; touch /srv/x/y) > /dev/null 2>&1 &'");
  EXPECT_EQ(verb("wait-for a,b file /srv/x/y").code, 0);
  const Error error = failure("wait-for a file /srv/x/z --timeout 300ms");
  EXPECT_EQ(error.message, "machine 'a' did not have a file '/srv/x/z' within 300 ms");
  EXPECT_EQ(error.hint, "'/srv/x' holds y");
}

TEST_F(WorldVerbs, WaitForOutput) {
  verb("exec a -- sh -c 'echo 0 > /tmp/n'");
  EXPECT_EQ(verb("wait-for a output 'n is 3' -- sh -c 'n=$(cat /tmp/n); echo $((n + 1)) > /tmp/n; "
                 "echo n is $n'")
                .code,
            0);
  EXPECT_EQ(verb("wait-for a output begun -- sh -c 'echo begun; sleep 1000'").code, 0);
  const Error error = failure("wait-for a output never --timeout 500ms -- echo hello");
  EXPECT_EQ(error.message, "machine 'a' did not print 'never' within 500 ms");
  EXPECT_THAT(error.hint, HasSubstr("'echo hello' printed last:\nhello"));
}

TEST_F(WorldVerbs, WaitForNoUnitWithoutSystemd) {
  const Error error = failure("wait-for a unit ssh.service");
  EXPECT_EQ(error.code, ErrorCode::unsupported);
  EXPECT_EQ(error.message, "machine 'a' has no systemd to ask for unit 'ssh.service'");
}

TEST_F(WorldVerbs, CopyFilesAndFoldersEveryWay) {
  fs::create_directories(folder() / "tree/deep/empty");
  write_file_atomically(folder() / "tree/deep/file", "content\n");
  EXPECT_EQ(verb("copy tree a:/srv/tree").code, 0);
  EXPECT_EQ(verb("copy a:/srv/tree b:/srv/other").code, 0);
  EXPECT_EQ(shell(m_world->machine("b"), "cd /srv/other; find . | sort; cat deep/file"),
            ".\n./deep\n./deep/empty\n./deep/file\ncontent\n");
  EXPECT_EQ(verb("copy b:/srv/other back").code, 0);
  EXPECT_EQ(read_file(folder() / "back/deep/file"), "content\n");

  verb("copy a:/srv/tree/deep/file b:/tmp");
  verb("copy a:/srv/tree/deep/file b:/tmp/renamed");
  verb("copy a:/srv/tree/deep/file only");
  EXPECT_EQ(shell(m_world->machine("b"), "cat /tmp/file /tmp/renamed"), "content\ncontent\n");
  EXPECT_EQ(read_file(folder() / "only"), "content\n");

  shell(m_world->machine("a"), "mkdir /work; echo mine > /work/mine; ln -s mine /work/link");
  EXPECT_EQ(verb("copy /work/link b:/tmp/from-a", "a").code, 0);
  EXPECT_EQ(verb("copy b:/tmp/from-a work/again", "a").code, 0);
  EXPECT_EQ(shell(m_world->machine("a"), "cat /work/again"), "mine\n");
}

TEST_F(WorldVerbs, GiveACommandItsInput) {
  Pipe input;
  ASSERT_EQ(::write(input.writing.get(), "typed\n", 6), 6);
  input.writing.close();
  VerbIo io;
  std::string text;
  io.output = [&](const std::string&, OutputStream, std::string_view bytes) { text += bytes; };
  io.input = input.reading.get();
  ExecVerb cat;
  cat.machines = {"a"};
  cat.command = {"cat"};
  EXPECT_EQ(execute(*m_world, cat, {}, io, soon(), {}), 0);
  EXPECT_EQ(text, "typed\n");
}

TEST_F(WorldVerbs, CaptureWhatPassesALink) {
  verb("net capture a a.pcapng");
  EXPECT_EQ(verb("exec a -- ping -c 3 b").code, 0);
  verb("net capture-stop a");
  EXPECT_GT(fs::file_size(folder() / "a.pcapng"), 500U);
  EXPECT_THAT(verb("net counters").text, AllOf(HasSubstr("a@lan  in "), HasSubstr("b@wan  in ")));

  verb("net capture b@lan b.pcapng", "a");
  verb("exec a -- ping -c 1 b");
  verb("net capture-stop b@lan", "a");
  EXPECT_EQ(shell(m_world->machine("a"), "test -s /b.pcapng && echo there"), "there\n");
}

TEST_F(WorldVerbs, TakeALinkDown) {
  verb("net down b@lan");
  EXPECT_NE(verb("exec a -- ping -c 1 -W 2 b").code, 0);
  verb("net up b@lan");
  // The first packets may still wait for an answer to what was asked while the link was down.
  EXPECT_EQ(verb("wait-for a output ttl= -- ping -c 1 -W 1 b").code, 0);
}

class SystemdVerbs : public WorldFixture {};

TEST_F(SystemdVerbs, WaitForAUnit) {
  const auto world = make(*prepare(R"(
topologies:
  world:
    networks:
      lan: {}
    machines:
      a: {environment: debian-systemd, networks: [lan]}
      b: {environment: tiny, networks: [lan]}
)"),
                          "systemd");
  EXPECT_EQ(verb(*world, "wait-for a unit dbus.service").code, 0);
  EXPECT_EQ(verb(*world, "exec b -- ping -c 1 -W 20 a").code, 0);
  EXPECT_EQ(verb(*world, "exec a -- getent hosts b").text, "10.90.0.2       b b.lan\n");
  try {
    verb(*world, "wait-for a unit never.service --timeout 2s");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message, "machine 'a' did not have unit 'never.service' active within 2.0 s");
    EXPECT_THAT(error.hint, HasSubstr("it is inactive"));
  }
}

}  // namespace
}  // namespace nestbox
