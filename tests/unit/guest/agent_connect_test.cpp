// `nestbox --connect`, which carries TCP connections into a machine, as the very agent program does
// it on this host.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <thread>

#include "harness/base/clock.hpp"
#include "harness/base/error.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/socket_pair.hpp"
#include "harness/base/subprocess.hpp"

namespace nestbox {
namespace {

constexpr std::size_t k_much = 4 * 1024 * 1024;  ///< more than all buffers between hold

Deadline soon() {
  return Deadline::after(std::chrono::seconds(60));
}

std::string read_to_end(int descriptor) {
  std::string all;
  char buffer[65536];
  while (wait_readable(descriptor, soon()) == Wait::ready) {
    const ssize_t count = recv(descriptor, buffer, sizeof buffer, 0);
    if (count <= 0)
      return all;
    all.append(buffer, static_cast<std::size_t>(count));
  }
  return all + "(no end)";
}

void send_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0)
      return;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

class AgentConnectTest : public testing::Test {
protected:
  AgentConnectTest() {
    fs::create_symlink(NESTBOX_AGENT_PATH, m_directory.path() / "nestbox");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    bind(m_listener.get(), reinterpret_cast<const sockaddr*>(&address), size);
    getsockname(m_listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
    m_port = std::to_string(ntohs(address.sin_port));
  }

  std::vector<std::string> argv() const {
    return {m_directory.path() / "nestbox", "--connect", "127.0.0.1", m_port};
  }

  TemporaryDirectory m_directory;
  FileDescriptor m_listener{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::string m_port;
};

TEST_F(AgentConnectTest, CarriesBothDirectionsAtTheirOwnPace) {
  ASSERT_EQ(listen(m_listener.get(), 1), 0);
  auto [ours, theirs] = SocketPair();
  Process process = Process::spawn(
      {.argv = argv(), .descriptors = {{0, theirs.get()}, {1, theirs.get()}}, .whole_tree = true});
  theirs.close();
  const FileDescriptor server(accept4(m_listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  const std::string much(k_much, 'x');
  std::thread speaker([&] { send_all(server.get(), much); });
  // Nobody takes what the server says yet, and still it hears all.
  send_all(ours.get(), "question");
  shutdown(ours.get(), SHUT_WR);
  EXPECT_EQ(read_to_end(server.get()), "question");
  std::string heard(much.size(), '\0');
  EXPECT_EQ(recv(ours.get(), heard.data(), heard.size(), MSG_WAITALL),
            static_cast<ssize_t>(heard.size()));
  speaker.join();
  EXPECT_EQ(heard, much);
  send_all(server.get(), "answer");
  shutdown(server.get(), SHUT_WR);
  EXPECT_EQ(read_to_end(ours.get()), "answer");
  EXPECT_EQ(process.wait(soon()), ExitStatus{});
}

TEST_F(AgentConnectTest, EndsWithTheServerThoughMoreMayCome) {
  ASSERT_EQ(listen(m_listener.get(), 1), 0);
  auto [ours, theirs] = SocketPair();
  Process process = Process::spawn(
      {.argv = argv(), .descriptors = {{0, theirs.get()}, {1, theirs.get()}}, .whole_tree = true});
  FileDescriptor server(accept4(m_listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  server.close();
  EXPECT_EQ(process.wait(soon()), ExitStatus{});
}

TEST_F(AgentConnectTest, SaysWhyThereIsNoConnection) {
  const Captured refused = run_captured({.argv = argv()}, soon());
  EXPECT_EQ(refused.status, (ExitStatus{1, 0}));
  EXPECT_EQ(refused.diagnostics,
            "cannot connect to '127.0.0.1:" + m_port + "': Connection refused\n");
  std::vector<std::string> wrong = argv();
  wrong[2] = "somewhere";
  EXPECT_EQ(run_captured({.argv = wrong}, soon()).status, (ExitStatus{1, 0}));
}

}  // namespace
}  // namespace nestbox
