#include "harness/guest/host_transport.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <future>

#include "harness/base/filesystem.hpp"
#include "tests/contract/transport_contract.hpp"

namespace nestbox {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class ThisHost final : public TransportHost {
public:
  Transport& transport() override { return *m_transport; }
  std::string scratch() const override { return fs::canonical(m_directory.path()) / "scratch"; }

private:
  TemporaryDirectory m_directory;
  std::unique_ptr<Transport> m_transport = make_host_transport(false);
};

INSTANTIATE_TEST_SUITE_P(Host, TransportContract,
                         testing::Values(TransportCase{
                             "this_host", [] { return std::make_unique<ThisHost>(); }}));

struct Ran {
  CommandResult result;
  std::string output;
};

Ran run(Transport& transport, const Command& command) {
  Ran ran;
  const CommandIo io = {
      .output = [&](OutputStream, std::string_view piece) { ran.output += piece; }};
  ran.result = transport.run(command, io, Deadline::after(60s), {});
  return ran;
}

TEST(HostTransport, LeavesNoDaemonOfACommandBehind) {
  const auto transport = make_host_transport(false);
  const Ran ran = run(*transport, {.argv = {"sh", "-c", "setsid sleep 1000 & echo $!"}});
  EXPECT_TRUE(ran.result.status.success());
  const std::string pid = ran.output.substr(0, ran.output.find('\n'));
  EXPECT_FALSE(fs::exists("/proc/" + pid + "/exe"));
}

TEST(HostTransport, PassesOurEnvironmentOn) {
  const auto transport = make_host_transport(false);
  ::setenv("NESTBOX_TEST_OURS", "ours", 1);
  ::setenv("NESTBOX_TEST_THEIRS", "ours", 1);
  const Ran ran =
      run(*transport, {.argv = {"sh", "-c", "echo $NESTBOX_TEST_OURS $NESTBOX_TEST_THEIRS"},
                       .environment = {{"NESTBOX_TEST_THEIRS", "theirs"}}});
  EXPECT_EQ(ran.output, "ours theirs\n");
}

TEST(HostTransport, MakesCopiesThatTheirOwnerCanRemove) {
  const auto transport = make_host_transport(false);
  const TemporaryDirectory directory;
  const fs::path source = directory.path() / "source";
  fs::create_directory(source);
  write_file_atomically(source / "f", "x");
  ASSERT_EQ(::chmod((source / "f").c_str(), 04444), 0);
  transport->put(source, {"f"}, directory.path() / "copy", Deadline::after(60s), {});
  EXPECT_EQ(fs::status(directory.path() / "copy/f").permissions(), fs::perms(0644));
}

TEST(HostTransport, LetsItsCommandsCallTheHost) {
  const auto transport = make_host_transport(false);
  EXPECT_EQ(run(*transport, {.argv = {"sh", "-c", "echo \"$NESTBOX_HOST_SOCKET\""}}).output, "\n");
  std::promise<FileDescriptor> called;
  transport->on_call([&](FileDescriptor call) { called.set_value(std::move(call)); });
  std::string path = run(*transport, {.argv = {"printenv", "NESTBOX_HOST_SOCKET"}}).output;
  path.pop_back();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const FileDescriptor program(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::connect(program.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
            0);
  const FileDescriptor host = called.get_future().get();
  ASSERT_EQ(::send(host.get(), "answer", 6, 0), 6);
  char buffer[10];
  EXPECT_EQ(::recv(program.get(), buffer, sizeof buffer, 0), 6);
}

TEST(HostTransport, ThawsAndQuiescesByDoingNothing) {
  const auto transport = make_host_transport(false);
  EXPECT_NO_THROW(transport->thaw({}, Deadline::never()));
  EXPECT_NO_THROW(transport->quiesce(Deadline::never()));
}

}  // namespace
}  // namespace nestbox
