#include "runner/docker_machine/machine_store.hpp"

#include <algorithm>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "harness/base/error.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/text.hpp"
#include "harness/model/address_pool.hpp"
#include "harness/model/topology.hpp"

namespace nestbox {
namespace {

using Json = nlohmann::ordered_json;

constexpr int k_version = 3;
constexpr const char* k_file = "machine.json";
constexpr IpSubnet k_subnet{{4, {10, 90}}, 25};

Json describe(const KeptMachine& machine) {
  return {{"version", k_version},
          {"name", machine.name},
          {"driver", machine.driver},
          {"address", machine.address},
          {"port", machine.port},
          {"docker_port", machine.docker_port},
          {"user", machine.user},
          {"private_address", machine.private_address},
          {"labels", machine.labels},
          {"hosts", machine.hosts},
          {"docker_version", machine.docker_version},
          {"keeper", machine.keeper ? Json(to_string(*machine.keeper)) : Json()}};
}

KeptMachine read(const std::string& text) {
  const Json json = Json::parse(text);
  if (json.at("version") != k_version)
    throw Error(ErrorCode::corrupt, "it is of another version of nestbox");
  KeptMachine machine{.name = json.at("name"),
                      .driver = json.at("driver"),
                      .address = json.at("address"),
                      .port = json.at("port"),
                      .docker_port = json.at("docker_port"),
                      .user = json.at("user"),
                      .private_address = json.at("private_address"),
                      .labels = json.at("labels"),
                      .hosts = json.at("hosts"),
                      .docker_version = json.at("docker_version")};
  if (!json.at("keeper").is_null())
    machine.keeper = value_or_throw(parse_owner(json.at("keeper").get<std::string>()));
  return machine;
}

}  // namespace

bool is_running(const KeptMachine& machine) {
  return machine.keeper && state_of(*machine.keeper) == OwnerState::alive;
}

MachineStore::MachineStore(fs::path root) : m_root(std::move(root)) {
  fs::create_directories(machines());
}

fs::path MachineStore::identity(const std::string& name) const {
  return directory(name) / "id_rsa";
}

fs::path MachineStore::known_hosts(const std::string& name) const {
  return directory(name) / "known_hosts";
}

fs::path MachineStore::log(const std::string& name) const {
  return directory(name) / "keeper.log";
}

KeptMachine MachineStore::add(KeptMachine machine) {
  const FileLock lock = FileLock::acquire(m_root / "lock", FileLock::Mode::exclusive);
  std::error_code failure;
  if (!fs::create_directory(directory(machine.name), failure))
    throw failure
        ? system_error("cannot make '" + directory(machine.name).string() + "'", failure.value())
        : Error(ErrorCode::usage, "docker machine '" + machine.name + "' already exists",
                "remove it with 'nestbox docker-machine rm -f " + machine.name + "'");
  fs::permissions(directory(machine.name), fs::perms::owner_all);
  ScopeExit rollback([&] { remove(machine.name); });
  machine.private_address = free_address();
  update(machine);
  rollback.dismiss();
  return machine;
}

std::string MachineStore::free_address() const {
  AddressPool pool(k_subnet);
  for (const std::string& name : names())
    if (const auto machine = catch_error([&] { return find(name); }); machine && *machine)
      if (const auto address = parse_ip_address((*machine)->private_address))
        pool.take(*address, name);
  const std::optional<IpAddress> address = pool.take_next("");
  if (!address)
    throw Error(ErrorCode::infrastructure,
                "there are as many docker machines as one storage path can have",
                "remove some, or choose another with '--storage-path'");
  return to_string(*address);
}

void MachineStore::update(const KeptMachine& machine) {
  write_file_atomically(directory(machine.name) / k_file, describe(machine).dump(2) + '\n');
}

std::optional<KeptMachine> MachineStore::find(const std::string& name) const {
  const fs::path file = directory(name) / k_file;
  if (!fs::exists(file))
    return std::nullopt;
  try {
    return read(read_file(file, mebibytes(1)));
  } catch (const Json::exception&) {
    throw Error(ErrorCode::corrupt, "'" + file.string() + "' is damaged",
                "remove the machine with 'nestbox docker-machine rm -f " + name + "'");
  }
}

KeptMachine MachineStore::get(const std::string& name) const {
  if (auto machine = find(name))
    return std::move(*machine);
  const std::string near = did_you_mean(name, names());
  throw Error(ErrorCode::not_found, "docker machine '" + name + "' does not exist",
              near.empty() ? "'nestbox docker-machine ls' lists those that do" : near);
}

std::vector<std::string> MachineStore::names() const {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(machines()))
    if (entry.is_directory())
      names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

void MachineStore::remove(const std::string& name) {
  remove_tree(directory(name));
}

InterfaceIdentity interface_of(const KeptMachine& machine) {
  const IpAddress address = parse_ip_address(machine.private_address).value();
  return {.mac = device_mac(0, address.bytes[3]),
          .addresses = {to_string(IpSubnet{address, k_subnet.prefix})}};
}

MachineStore machine_store(const std::string& path) {
  if (!path.empty())
    return MachineStore(fs::absolute(path));
  const char* const named = std::getenv("MACHINE_STORAGE_PATH");
  return MachineStore(named && *named ? fs::absolute(named) : state_directory() / "docker-machine");
}

}  // namespace nestbox
