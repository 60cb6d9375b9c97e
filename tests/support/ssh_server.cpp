#include "tests/support/ssh_server.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include <fmt/format.h>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"

namespace nestbox::test {

namespace {

using namespace std::chrono_literals;

constexpr int k_attempts = 20;

/// A port that was free a moment ago.
int free_port() {
  const FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket.get(), generic, size) != 0 || ::getsockname(socket.get(), generic, &size) != 0)
    throw system_error("cannot find a free port", errno);
  return ntohs(address.sin_port);
}

void make_key(const fs::path& path) {
  run_checked({.argv = {"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path}},
              Deadline::after(60s));
}

}  // namespace

bool has_ssh_server() {
  return find_program("sshd") && find_program("ssh-keygen");
}

SshServer::SshServer(std::string shell) : m_shell(std::move(shell)) {
  // Debian's unit makes it for the system's sshd; others may be using it, so it stays.
  if (::geteuid() == 0)
    ::mkdir("/run/sshd", 0755);
  fs::create_directory(home());
  make_key(m_directory.path() / "host_key");
  make_key(identity());
  fs::copy_file(identity().string() + ".pub", authorized_keys());
  int attempts = k_attempts;
  do {
    m_port = free_port();
    write_files();
  } while (!start() && --attempts > 0);
  if (attempts == 0)
    throw Error(ErrorCode::io, "sshd does not start");
}

SshServer::~SshServer() {
  kill();
}

void SshServer::kill() {
  m_process.reset();
  if (m_log_reader.joinable())
    m_log_reader.join();
}

void SshServer::write_files() const {
  const std::string directory = m_directory.path();
  std::ofstream(m_directory.path() / "login")
      << "#!/bin/sh\ncd && exec " << m_shell << " \"$SSH_ORIGINAL_COMMAND\"\n";
  fs::permissions(m_directory.path() / "login", fs::perms(0755));
  // The user's shell reads its start-up files for sshd; what these do on this host, slowly or under
  // a lock that a killed one leaves behind, is not for tests.
  std::ofstream(m_directory.path() / "config") << fmt::format(
      "Port {1}\nListenAddress 127.0.0.1\nHostKey {0}/host_key\nPidFile none\n"
      "AuthorizedKeysFile {0}/authorized_keys\nStrictModes no\nUsePAM no\n"
      "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
      "PermitRootLogin prohibit-password\nSetEnv HOME={0}/home\nForceCommand {0}/login\n"
      "MaxStartups 200\nMaxSessions 50\n",
      directory, m_port);
  const std::string key = read_file(m_directory.path() / "host_key.pub");
  std::ofstream(known_hosts()) << fmt::format("[127.0.0.1]:{} {}", m_port, key);
}

/// False when it ended at once, as when somebody else has taken the port.
bool SshServer::start() {
  Pipe log;
  m_process = Process::spawn(
      {.argv = {find_program("sshd")->string(), "-D", "-e", "-f", m_directory.path() / "config"},
       .descriptors = {{STDERR_FILENO, log.writing.get()}},
       .whole_tree = true});
  log.writing.close();
  std::string said;
  char buffer[4096];
  while (said.find("Server listening") == said.npos) {
    const ssize_t count = ::read(log.reading.get(), buffer, sizeof buffer);
    if (count <= 0)
      return false;
    said.append(buffer, static_cast<std::size_t>(count));
  }
  m_log_reader = std::thread([reading = std::move(log.reading)] {
    char rest[4096];
    while (::read(reading.get(), rest, sizeof rest) > 0) {
    }
  });
  return true;
}

SshEndpoint SshServer::endpoint() const {
  return {.address = "127.0.0.1",
          .port = m_port,
          .identity = identity(),
          .host_key = {.known_hosts = known_hosts()}};
}

std::string SshServer::fingerprint() const {
  const std::string line = run_checked(
      {.argv = {"ssh-keygen", "-lf", m_directory.path() / "host_key.pub"}}, Deadline::after(60s));
  return split(line, ' ').at(1);
}

}  // namespace nestbox::test
