#include "runner/docker_machine/provision.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "harness/base/error.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/subprocess.hpp"
#include "harness/base/text.hpp"
#include "runner/docker_machine/certificates.hpp"
#include "runner/docker_machine/client.hpp"

namespace nestbox {
namespace {

Certificate read_certificate(const fs::path& certificate, const fs::path& key) {
  return {read_file(certificate, mebibytes(1)), read_file(key, mebibytes(1))};
}

/// For its owner's eyes alone, as ssh and docker-machine keep theirs.
void write_key(const fs::path& path, std::string_view text) {
  write_file_atomically(path, text);
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
}

/// The store's, made once: the client's certificate comes last.
Certificate authority(const MachineStore& store) {
  const fs::path directory = store.certificates();
  const FileLock lock = FileLock::acquire(store.root() / "certs.lock", FileLock::Mode::exclusive);
  if (fs::exists(directory / "cert.pem"))
    return read_certificate(directory / "ca.pem", directory / "ca-key.pem");
  fs::create_directories(directory);
  fs::permissions(directory, fs::perms::owner_all);
  const Certificate authority = make_authority();
  const Certificate client = make_client_certificate(authority);
  write_key(directory / "ca-key.pem", authority.key);
  write_file_atomically(directory / "ca.pem", authority.certificate);
  write_key(directory / "key.pem", client.key);
  write_file_atomically(directory / "cert.pem", client.certificate);
  return authority;
}

/// As a file that is open for reading and has no name.
FileDescriptor readable(std::string_view text) {
  FileDescriptor file(::memfd_create("script", MFD_CLOEXEC));
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t count = ::write(file.get(), rest.data(), rest.size());
    if (count < 0)
      throw system_error("cannot keep a script in memory", errno);
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

}  // namespace

EngineCertificates issue_certificates(const MachineStore& store, const KeptMachine& machine) {
  const Certificate signer = authority(store);
  std::vector<std::string> hosts = {machine.address, machine.private_address, "localhost"};
  hosts.insert(hosts.end(), machine.hosts.begin(), machine.hosts.end());
  const Certificate server = make_server_certificate(signer, hosts);
  const fs::path directory = store.directory(machine.name);
  const auto copied = [&](const char* name) {
    return read_file(store.certificates() / name, mebibytes(1));
  };
  write_file_atomically(directory / "ca.pem", copied("ca.pem"));
  write_file_atomically(directory / "cert.pem", copied("cert.pem"));
  write_key(directory / "key.pem", copied("key.pem"));
  write_file_atomically(directory / "server.pem", server.certificate);
  write_key(directory / "server-key.pem", server.key);
  return {signer.certificate, server.certificate, server.key};
}

void provision(const MachineStore& store, const KeptMachine& machine, const std::string& unit,
               Deadline deadline) {
  const FileDescriptor script = readable(engine_script(issue_certificates(store, machine), unit));
  const Captured done = run_captured({.argv = ssh_argv(store, machine, {"sudo", "/bin/sh", "-s"}),
                                      .descriptors = {{STDIN_FILENO, script.get()}}},
                                     deadline);
  if (!done.status.success())
    throw Error(ErrorCode::infrastructure,
                "cannot set up docker in '" + machine.name
                    + "': " + printable(trim(done.diagnostics)),
                "options '--engine-…' are dockerd's own, which its version may not know");
}

}  // namespace nestbox
