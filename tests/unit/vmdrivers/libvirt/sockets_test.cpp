#include "vmdrivers/libvirt/sockets.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness/base/result.hpp"

namespace nestbox::libvirt {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

FileDescriptor connected(const fs::path& path) {
  FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.string().copy(address.sun_path, sizeof address.sun_path - 1);
  EXPECT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return socket;
}

ErrorCode code_of(const Result<FileDescriptor>& result) {
  return result ? ErrorCode::usage : result.error().code;
}

TEST(ListeningSocket, AcceptsWhoConnectsAndKnowsWhoThatIs) {
  const TemporaryDirectory directory;
  const ListeningSocket socket(directory.path() / "socket");
  const FileDescriptor ours = connected(socket.path());
  const FileDescriptor theirs = socket.accept(Deadline::after(20s), {});
  const Peer peer = peer_of(theirs);
  EXPECT_EQ(peer.pid, ::getpid());
  EXPECT_EQ(wait_readable(peer.process.get(), Deadline::after(0s)), Wait::timed_out) << "it lives";
}

TEST(ListeningSocket, WaitsNoLongerThanItMay) {
  const TemporaryDirectory directory;
  const ListeningSocket socket(directory.path() / "socket");
  EXPECT_EQ(code_of(catch_error([&] { return socket.accept(Deadline::after(0s), {}); })),
            ErrorCode::infrastructure);
  CancelSource cancel;
  cancel.cancel();
  EXPECT_EQ(
      code_of(catch_error([&] { return socket.accept(Deadline::after(20s), cancel.token()); })),
      ErrorCode::cancelled);
}

TEST(ListeningSocket, SaysWhenItsPathIsTooLong) {
  try {
    const ListeningSocket socket("/tmp/" + std::string(200, 'x'));
    ADD_FAILURE() << "it listens";
  } catch (const Error& error) {
    EXPECT_THAT(error.message, HasSubstr("is too long"));
    EXPECT_THAT(error.hint, HasSubstr("TMPDIR"));
  }
}

}  // namespace
}  // namespace nestbox::libvirt
