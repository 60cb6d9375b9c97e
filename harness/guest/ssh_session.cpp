#include "harness/guest/ssh_session.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "harness/guest/ssh_session_state.hpp"

namespace nestbox {
namespace {

using Key = std::unique_ptr<ssh_key_struct, decltype([](ssh_key k) { ssh_key_free(k); })>;

std::string home_directory() {
  const char* const home = std::getenv("HOME");
  return home && *home ? home : "/";
}

void option(ssh_session session, ssh_options_e name, const void* value) {
  if (ssh_options_set(session, name, value) != SSH_OK)
    throw Error(ErrorCode::infrastructure, ssh_get_error(session));
}

std::string fingerprint_of(ssh_session session) {
  ssh_key raw = nullptr;
  if (ssh_get_server_publickey(session, &raw) != SSH_OK)
    return {};
  const Key key(raw);
  unsigned char* hash = nullptr;
  std::size_t size = 0;
  if (ssh_get_publickey_hash(key.get(), SSH_PUBLICKEY_HASH_SHA256, &hash, &size) != 0)
    return {};
  char* const text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, size);
  std::string result = text ? text : "";
  ssh_string_free_char(text);
  ssh_clean_pubkey_hash(&hash);
  return result;
}

}  // namespace

SshSession::State::State(const SshEndpoint& endpoint, Deadline deadline, const CancelToken& cancel)
    : what("ssh host '" + to_string(endpoint) + "'") {
  configure(endpoint);
  FileDescriptor socket = connect_to_ssh(endpoint, what, deadline, cancel);
  const int descriptor = socket.release();  // libssh closes it
  option(handle.get(), SSH_OPTIONS_FD, &descriptor);
  ssh_set_blocking(handle.get(), 0);
  if (complete([&] { return ssh_connect(handle.get()); }, deadline, cancel) != SSH_OK)
    throw Error(ErrorCode::lost, "cannot speak ssh with " + what + ": " + reason());
  fingerprint = fingerprint_of(handle.get());
  check_host_key(endpoint);
  authenticate(endpoint, deadline, cancel);
}

void SshSession::State::configure(const SshEndpoint& endpoint) {
  const bool no_configuration = false;
  const std::string directory = home_directory() + "/.ssh";
  option(handle.get(), SSH_OPTIONS_PROCESS_CONFIG, &no_configuration);
  option(handle.get(), SSH_OPTIONS_SSH_DIR, directory.c_str());
  option(handle.get(), SSH_OPTIONS_HOST, endpoint.address.c_str());
  option(handle.get(), SSH_OPTIONS_PORT, &endpoint.port);
  option(handle.get(), SSH_OPTIONS_USER, ssh_user(endpoint).c_str());
  const std::string known = endpoint.host_key.known_hosts.empty()
                                ? directory + "/known_hosts"
                                : endpoint.host_key.known_hosts.string();
  option(handle.get(), SSH_OPTIONS_KNOWNHOSTS, known.c_str());
  if (!endpoint.host_key.known_hosts.empty())
    option(handle.get(), SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
}

void SshSession::State::check_host_key(const SshEndpoint& endpoint) {
  const SshHostKey& wanted = endpoint.host_key;
  if (!wanted.fingerprint.empty()) {
    if (wanted.fingerprint != fingerprint)
      throw Error(ErrorCode::infrastructure,
                  what + " shows the key " + fingerprint + ", which is not " + wanted.fingerprint);
    return;
  }
  if (wanted.accept_any)
    return;
  switch (ssh_session_is_known_server(handle.get())) {
  case SSH_KNOWN_HOSTS_OK:
    return;
  case SSH_KNOWN_HOSTS_CHANGED:
  case SSH_KNOWN_HOSTS_OTHER:
    throw Error(ErrorCode::infrastructure,
                what + " shows another key than known_hosts holds for it: " + fingerprint,
                "somebody may stand in between; if the host has new keys, take the old ones out "
                "with 'ssh-keygen -R'");
  case SSH_KNOWN_HOSTS_NOT_FOUND:
  case SSH_KNOWN_HOSTS_UNKNOWN:
  case SSH_KNOWN_HOSTS_ERROR:
    break;
  }
  throw Error(ErrorCode::infrastructure,
              what + " shows a key that no known_hosts holds: " + fingerprint,
              "compare it with what 'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub' prints "
              "there; then enter the host once with ssh, or give its fingerprint as 'host_key'");
}

void SshSession::State::authenticate(const SshEndpoint& endpoint, Deadline deadline,
                                     const CancelToken& cancel) {
  int result;
  if (endpoint.identity.empty()) {
    result = complete([&] { return ssh_userauth_publickey_auto(handle.get(), nullptr, nullptr); },
                      deadline, cancel);
  } else {
    ssh_key raw = nullptr;
    if (ssh_pki_import_privkey_file(endpoint.identity.c_str(), nullptr, nullptr, nullptr, &raw)
        != SSH_OK)
      throw Error(ErrorCode::infrastructure,
                  "cannot read the private key '" + endpoint.identity.string() + "'",
                  "it must be a key file without a passphrase; add others to ssh-agent, and leave "
                  "'identity' out");
    const Key key(raw);
    result = complete([&] { return ssh_userauth_publickey(handle.get(), nullptr, key.get()); },
                      deadline, cancel);
  }
  if (result != SSH_AUTH_SUCCESS)
    throw Error(ErrorCode::infrastructure, what + " does not let us in: " + reason(),
                "try 'ssh -o BatchMode=yes' with the same user and key");
}

std::string SshSession::State::reason() const {
  const std::string text = ssh_get_error(handle.get());
  return text.empty() ? "it closed the connection" : printable(text);
}

void SshSession::State::wait(Deadline deadline, const CancelToken& cancel) {
  std::array polled = {entry(), pollfd{cancel.descriptor(), POLLIN, 0}};
  const int ready = ::poll(polled.data(), polled.size(), deadline.poll_timeout());
  if (ready < 0 && errno != EINTR)
    throw system_error("cannot wait for " + what, errno);
  cancel.throw_if_cancelled();
  if (ready == 0 && deadline.passed())
    throw Error(ErrorCode::timeout, what + " did not answer in time");
}

pollfd SshSession::State::entry() const {
  const bool blocked = (ssh_get_poll_flags(handle.get()) & SSH_WRITE_PENDING) != 0;
  return {ssh_get_fd(handle.get()), static_cast<short>(blocked ? POLLIN | POLLOUT : POLLIN), 0};
}

SshSession::SshSession(const SshEndpoint& endpoint, Deadline deadline, const CancelToken& cancel)
    : m_state(std::make_unique<State>(endpoint, deadline, cancel)) {}
SshSession::SshSession(SshSession&&) noexcept = default;
SshSession& SshSession::operator=(SshSession&&) noexcept = default;
SshSession::~SshSession() = default;

const std::string& SshSession::fingerprint() const noexcept {
  return m_state->fingerprint;
}

}  // namespace nestbox
