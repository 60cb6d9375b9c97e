#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/owner.hpp"
#include "harness/vm/transport.hpp"

namespace nestbox {

/// A machine that outlives the command that made it: what its keeper has written down.
struct KeptMachine {
  std::string name;
  std::string driver;     ///< as docker-machine was told
  std::string address{};  ///< of this host's loopback, and its alone; empty until it is ready
  int port = 0;           ///< of its ssh server, there
  int docker_port = 0;    ///< likewise
  std::string user = "docker";
  std::string private_address{};  ///< on the network that it shares with the others of its store
  std::vector<std::string> labels{};  ///< of its docker: "key=value"
  std::vector<std::string> hosts{};   ///< more names that its docker is reached by
  std::string docker_version{};       ///< empty: there is no docker
  std::optional<Owner> keeper{};      ///< the process that the machine lives by

  bool operator==(const KeptMachine&) const = default;
};

/// Whether its keeper is still there; without one there is no machine.
bool is_running(const KeptMachine& machine);

/// Where kept machines are written down: docker-machine's storage path, in which each has its
/// directory below 'machines'. They share a network, which is a store's own. Safe among processes:
/// files are replaced whole.
class MachineStore {
public:
  /// `root` is made when absent.
  explicit MachineStore(std::filesystem::path root);

  const std::filesystem::path& root() const { return m_root; }
  std::filesystem::path directory(const std::string& name) const { return machines() / name; }
  std::filesystem::path identity(const std::string& name) const;  ///< the user's private key
  std::filesystem::path known_hosts(const std::string& name) const;
  std::filesystem::path log(const std::string& name) const;  ///< what its keeper said

  /// Of the authority that signs for all of its machines, and of their client.
  std::filesystem::path certificates() const { return m_root / "certs"; }
  std::filesystem::path network_socket() const { return m_root / "network.sock"; }
  std::filesystem::path network_lock() const { return m_root / "network.lock"; }
  std::filesystem::path network_log() const { return m_root / "network.log"; }

  /// Makes the directory, and gives the machine an address on the network, which is 10.90.0.0/25.
  /// Error(usage) when there is such a machine, Error(infrastructure) when there are 126 already.
  KeptMachine add(KeptMachine machine);
  void update(const KeptMachine& machine);
  /// Nothing when there is none. Error(corrupt).
  std::optional<KeptMachine> find(const std::string& name) const;
  /// Error(not_found) when there is none.
  KeptMachine get(const std::string& name) const;
  std::vector<std::string> names() const;  ///< sorted
  void remove(const std::string& name);

private:
  std::filesystem::path machines() const { return m_root / "machines"; }
  std::string free_address() const;

  std::filesystem::path m_root;
};

/// What the device of a machine on the store's network is to be.
InterfaceIdentity interface_of(const KeptMachine& machine);

/// The store at `path`; when that is empty at $MACHINE_STORAGE_PATH, as docker-machine has it, else
/// in nestbox's state directory.
MachineStore machine_store(const std::string& path);

}  // namespace nestbox
