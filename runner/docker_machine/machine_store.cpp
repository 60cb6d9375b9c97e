#include "runner/docker_machine/machine_store.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "harness/base/error.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/text.hpp"

namespace nestbox {
namespace {

using Json = nlohmann::ordered_json;

constexpr int k_version = 1;
constexpr const char* k_file = "machine.json";

Json describe(const KeptMachine& machine) {
  return {{"version", k_version},
          {"name", machine.name},
          {"driver", machine.driver},
          {"options", machine.options},
          {"address", machine.address},
          {"port", machine.port},
          {"user", machine.user},
          {"keeper", machine.keeper ? Json(to_string(*machine.keeper)) : Json()}};
}

KeptMachine read(const std::string& text) {
  const Json json = Json::parse(text);
  if (json.at("version") != k_version)
    throw Error(ErrorCode::corrupt, "it is of another version of nestbox");
  KeptMachine machine{.name = json.at("name"),
                      .driver = json.at("driver"),
                      .options = json.at("options"),
                      .address = json.at("address"),
                      .port = json.at("port"),
                      .user = json.at("user")};
  if (!json.at("keeper").is_null())
    machine.keeper = value_or_throw(parse_owner(json.at("keeper").get<std::string>()));
  return machine;
}

}  // namespace

bool is_running(const KeptMachine& machine) {
  return machine.keeper && state_of(*machine.keeper) == OwnerState::alive;
}

MachineStore::MachineStore(fs::path root) : m_root(std::move(root)) {
  fs::create_directories(m_root);
}

fs::path MachineStore::identity(const std::string& name) const {
  return directory(name) / "id_rsa";
}

fs::path MachineStore::known_hosts(const std::string& name) const {
  return directory(name) / "known_hosts";
}

fs::path MachineStore::docker_socket(const std::string& name) const {
  return directory(name) / "docker.sock";
}

fs::path MachineStore::log(const std::string& name) const {
  return directory(name) / "keeper.log";
}

void MachineStore::add(const KeptMachine& machine) {
  std::error_code failure;
  if (!fs::create_directory(directory(machine.name), failure))
    throw failure
        ? system_error("cannot make '" + directory(machine.name).string() + "'", failure.value())
        : Error(ErrorCode::usage, "docker machine '" + machine.name + "' already exists",
                "remove it with 'nestbox docker-machine rm -f " + machine.name + "'");
  fs::permissions(directory(machine.name), fs::perms::owner_all);
  update(machine);
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
  for (const auto& entry : fs::directory_iterator(m_root))
    if (entry.is_directory())
      names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

void MachineStore::remove(const std::string& name) {
  remove_tree(directory(name));
}

MachineStore machine_store() {
  return MachineStore(state_directory() / "docker-machine" / "machines");
}

}  // namespace nestbox
