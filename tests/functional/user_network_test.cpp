// `network: user`: a way out, which ends at the host's own loopback here.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <thread>

#include "tests/support/nestbox_program.hpp"

namespace nestbox {
namespace {

using testing::HasSubstr;

/// Greets whoever connects to its port of 127.0.0.1, which a machine reaches as 10.0.2.2.
class Greeter {
public:
  Greeter() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(m_socket.get(), generic, size) != 0 || ::listen(m_socket.get(), 8) != 0
        || ::getsockname(m_socket.get(), generic, &size) != 0)
      throw system_error("cannot listen on loopback", errno);
    m_port = ntohs(address.sin_port);
    m_thread = std::thread([this] { serve(); });
  }
  ~Greeter() {
    m_stop.cancel();
    m_thread.join();
  }

  std::string port() const { return std::to_string(m_port); }

private:
  void serve() {
    while (wait_readable(m_socket.get(), Deadline::never(), m_stop.token()) == Wait::ready) {
      const FileDescriptor peer(::accept4(m_socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
      static_cast<void>(::send(peer.get(), "hello from the host\n", 20, MSG_NOSIGNAL));
    }
  }

  FileDescriptor m_socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  int m_port = 0;
  CancelSource m_stop;
  std::thread m_thread;
};

class UserNetwork : public testing::Test {
protected:
  /// What is written to nestbox.yml is run; every test of it must pass.
  std::string run(const std::string& definition) {
    write_file_atomically(m_nestbox.working_directory / "nestbox.yml", definition);
    const Captured captured = m_nestbox.run({"run", "-v", "--env", "PORT=" + m_greeter.port()});
    EXPECT_EQ(captured.status.code, 0) << captured.output << captured.diagnostics;
    return captured.output;
  }

  Greeter m_greeter;
  NestboxProgram m_nestbox;
};

TEST_F(UserNetwork, LetsATestThatNeedsItReachTheHost) {
  EXPECT_THAT(run("version: 1\n"
                  "tests:\n"
                  "  out:\n"
                  "    environment: tiny\n"
                  "    needs: {network: user}\n"
                  "    run: nc 10.0.2.2 $PORT\n"),
              HasSubstr("hello from the host"));
}

TEST_F(UserNetwork, IsThereForEveryTestOfAnEnvironmentThatHasIt) {
  EXPECT_THAT(run("version: 1\n"
                  "environments:\n"
                  "  open: {from: tiny, network: user}\n"
                  "tests:\n"
                  "  out:\n"
                  "    environment: open\n"
                  "    run: nc 10.0.2.2 $PORT\n"),
              HasSubstr("hello from the host"));
}

TEST_F(UserNetwork, ReachesTheHostFromDebian) {
  EXPECT_THAT(run("version: 1\n"
                  "tests:\n"
                  "  out:\n"
                  "    environment: debian\n"
                  "    needs: {network: user}\n"
                  "    run: [bash, -c, 'cat < /dev/tcp/10.0.2.2/$PORT']\n"),
              HasSubstr("hello from the host"));
}

TEST_F(UserNetwork, IsNotThereUnlessAsked) {
  run("version: 1\n"
      "tests:\n"
      "  tiny: {environment: tiny, run: test \"$(ls /sys/class/net)\" = lo}\n"
      "  debian: {environment: debian, run: test \"$(ls /sys/class/net)\" = lo}\n");
}

}  // namespace
}  // namespace nestbox
