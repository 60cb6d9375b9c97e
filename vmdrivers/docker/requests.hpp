#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "harness/vm/machine.hpp"

namespace nestbox::docker {

/// What an engine says of itself (`GET /info`), as far as it matters here.
struct EngineFacts {
  std::string id;  ///< of the engine with its images
  std::string version;
  bool memory_limit = false;
  bool swap_limit = false;
  bool cpu_limit = false;
  bool pids_limit = false;

  bool operator==(const EngineFacts&) const = default;
};

/// Error(corrupt) when the reply has no id.
EngineFacts engine_facts(const nlohmann::json& info);

/// The limits that it cannot enforce: "memory", "processes"; empty is best.
std::vector<std::string> missing_limits(const EngineFacts& facts);

using Labels = std::map<std::string, std::string>;

/// Those of everything that this process creates.
Labels owner_labels();

/// `{"label": ["nestbox=1"]}` and the like, as the engine's lists take it.
std::string label_filter(const std::vector<std::string>& labels);

/// What a machine is given of an engine.
struct EngineOffer {
  std::filesystem::path socket{};  ///< on this host, to be DOCKER_HOST in the machine; empty: none
  std::string network{};           ///< in the place of the engine's own bridge
};

/// The body of `POST /containers/create`: our agent in the place of what the image would run,
/// attached, gone with its connection; limits that are enforced, no network unless asked for.
nlohmann::json container_request(const MachineSpec& spec, const std::string& image,
                                 const EngineFacts& facts, const Labels& labels,
                                 const EngineOffer& offer = {});

/// The body of `POST /containers/…/exec` that gives the container another name.
nlohmann::json hostname_request(const std::string& hostname);

/// "nestbox-db-1-5f3a…", which no other container bears.
std::string container_name(const std::string& machine);

/// The `Id` of a reply: letters and digits, perhaps behind "sha256:". Error(corrupt) otherwise.
std::string id_of(const nlohmann::json& reply, const char* key = "Id");

/// Of `GET /containers/…/stats`: what the container uses that could not be dropped.
Bytes used_memory(const nlohmann::json& stats);

/// A tar with the agent, to be laid over a container's root.
std::string agent_archive();

/// The label of images that hold the agent already; its value is the agent's digest.
inline constexpr const char* k_agent_label = "nestbox.agent";

}  // namespace nestbox::docker
