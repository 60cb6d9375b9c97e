#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/owner.hpp"

namespace nestbox {

/// A machine that outlives the command that made it: what its keeper has written down.
struct KeptMachine {
  std::string name;
  std::string driver;  ///< as docker-machine was told
  std::vector<std::string> options{};
  std::string address = "127.0.0.1";
  int port = 0;  ///< of its ssh server, as seen from this host; 0 until it is ready
  std::string user = "docker";
  std::optional<Owner> keeper{};  ///< the process that the machine lives by

  bool operator==(const KeptMachine&) const = default;
};

/// Whether its keeper is still there; without one there is no machine.
bool is_running(const KeptMachine& machine);

/// Where kept machines are written down: a directory each, below docker-machine/machines in
/// nestbox's state directory. Safe among processes: files are replaced whole.
class MachineStore {
public:
  /// `root` is made when absent.
  explicit MachineStore(std::filesystem::path root);

  std::filesystem::path directory(const std::string& name) const { return m_root / name; }
  std::filesystem::path identity(const std::string& name) const;  ///< the user's private key
  std::filesystem::path known_hosts(const std::string& name) const;
  std::filesystem::path docker_socket(const std::string& name) const;
  std::filesystem::path log(const std::string& name) const;  ///< what its keeper said

  /// Makes the directory. Error(usage) when there is such a machine.
  void add(const KeptMachine& machine);
  void update(const KeptMachine& machine);
  /// Nothing when there is none. Error(corrupt).
  std::optional<KeptMachine> find(const std::string& name) const;
  /// Error(not_found) when there is none.
  KeptMachine get(const std::string& name) const;
  std::vector<std::string> names() const;  ///< sorted
  void remove(const std::string& name);

private:
  std::filesystem::path m_root;
};

/// The store of this user.
MachineStore machine_store();

}  // namespace nestbox
