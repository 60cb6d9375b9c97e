#include "harness/vm/snapshot.hpp"

#include <nlohmann/json.hpp>

#include "harness/base/filesystem.hpp"

namespace nestbox {
namespace {

using nlohmann::json;

constexpr int k_version = 3;

/// A path inside `directory`, or in a layer beside it, is written relative to it: the only relative
/// paths a spec has. What is staged lies as deep as what is published, so that both are the same.
std::string stored_path(const fs::path& path, const fs::path& directory) {
  const fs::path relative = path.lexically_relative(directory);
  if (relative.empty())
    return path.string();
  if (*relative.begin() != "..")
    return relative.string();
  const fs::path cache = directory.parent_path().parent_path();
  const fs::path beside = path.lexically_relative(cache / k_layers_folder);
  if (cache == cache.root_path() || beside.empty() || *beside.begin() == "..")
    return path.string();
  return ("../.." / fs::path(k_layers_folder) / beside).string();
}

fs::path loaded_path(const std::string& text, const fs::path& directory) {
  return text.empty() ? fs::path() : (directory / text).lexically_normal();
}

}  // namespace

void store_snapshot(const Snapshot& snapshot) {
  const MachineSpec& spec = snapshot.spec;
  const auto path = [&](const fs::path& value) { return stored_path(value, snapshot.directory); };
  json interfaces = json::array();
  for (const NetworkInterface& interface : spec.interfaces)
    interfaces.push_back({{"mac", interface.mac}});
  const json document = {
      {"version", k_version},
      {"name", spec.name},
      {"memory", spec.memory.count},
      {"cores", spec.cores},
      {"kernel", path(spec.kernel)},
      {"initramfs", path(spec.initramfs)},
      {"kernel_arguments", spec.kernel_arguments},
      {"disk", spec.disk ? json(path(*spec.disk)) : json()},
      {"disk_format", spec.disk_format},
      {"seed", spec.seed ? json(path(*spec.seed)) : json()},
      {"docker", spec.docker},
      {"image", spec.image},
      {"interfaces", interfaces},
      {"network", spec.network == NetworkAccess::user ? "user" : "none"},
      {"nested", spec.nested},
      {"privileged", spec.privileged},
  };
  const fs::path file = snapshot.directory / k_snapshot_file;
  write_file_atomically(file, document.dump(2) + "\n");
  fs::permissions(file, fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read);
}

Snapshot load_snapshot(const fs::path& directory) {
  const fs::path file = directory / k_snapshot_file;
  if (!fs::exists(file))
    throw Error(ErrorCode::not_found, "no snapshot in '" + directory.string() + "'");
  const json document = json::parse(read_file(file, kibibytes(64)), nullptr, false);
  try {
    if (document.at("version").get<int>() != k_version)
      throw Error(ErrorCode::corrupt, "snapshot '" + file.string() + "' is of another version");
    const auto path = [&](const char* key) {
      return loaded_path(document.at(key).get<std::string>(), directory);
    };
    MachineSpec spec;
    spec.name = document.at("name").get<std::string>();
    spec.memory = {document.at("memory").get<std::uint64_t>()};
    spec.cores = document.at("cores").get<int>();
    spec.kernel = path("kernel");
    spec.initramfs = path("initramfs");
    spec.kernel_arguments = document.at("kernel_arguments").get<std::string>();
    if (!document.at("disk").is_null())
      spec.disk = path("disk");
    spec.disk_format = document.at("disk_format").get<std::string>();
    // Older snapshots have none.
    if (!document.value("seed", json()).is_null())
      spec.seed = path("seed");
    spec.image = document.at("image").get<std::string>();
    for (const json& interface : document.at("interfaces"))
      spec.interfaces.push_back({interface.at("mac").get<std::string>()});
    spec.network = document.at("network") == "user" ? NetworkAccess::user : NetworkAccess::none;
    spec.nested = document.at("nested").get<bool>();
    spec.docker = document.at("docker").get<bool>();
    spec.privileged = document.at("privileged").get<bool>();
    return {directory, std::move(spec)};
  } catch (const json::exception&) {
    throw Error(ErrorCode::corrupt, "snapshot '" + file.string() + "' cannot be read back");
  }
}

}  // namespace nestbox
