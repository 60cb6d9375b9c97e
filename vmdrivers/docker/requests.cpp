#include "vmdrivers/docker/requests.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "harness/base/error.hpp"
#include "harness/base/owner.hpp"
#include "harness/base/tar_writer.hpp"
#include "harness/guest/agent_transport.hpp"
#include "harness/guest/verb_protocol.hpp"
#include "harness/model/name_rules.hpp"
#include "vmdrivers/docker/json_text.hpp"

namespace nestbox::docker {
namespace {

using nlohmann::json;

constexpr const char* k_agent = "/run/nestbox/agent";
constexpr const char* k_engine_socket = "/run/nestbox/docker.sock";

/// A fork bomb ends here; a test suite that starts a thread for everything does not.
constexpr int k_process_limit = 16384;

bool flag(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

std::uint64_t number(const json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

}  // namespace

EngineFacts engine_facts(const json& info) {
  if (!info.is_object())
    throw Error(ErrorCode::corrupt, "the container engine says nothing of itself");
  EngineFacts facts{.id = text_at(info, "ID"),
                    .version = text_at(info, "ServerVersion"),
                    .memory_limit = flag(info, "MemoryLimit"),
                    .swap_limit = flag(info, "SwapLimit"),
                    .cpu_limit = flag(info, "CpuCfsQuota"),
                    .pids_limit = flag(info, "PidsLimit")};
  // podman has none; its images are where it keeps them.
  if (facts.id.empty())
    facts.id = text_at(info, "DockerRootDir");
  if (facts.id.empty())
    throw Error(ErrorCode::corrupt, "the container engine does not say which one it is");
  return facts;
}

std::vector<std::string> missing_limits(const EngineFacts& facts) {
  std::vector<std::string> missing;
  if (!facts.memory_limit)
    missing.emplace_back("memory");
  if (!facts.cpu_limit)
    missing.emplace_back("cores");
  if (!facts.pids_limit)
    missing.emplace_back("processes");
  return missing;
}

Labels owner_labels() {
  return {{k_ours_label, "1"}, {k_owner_label, to_string(this_owner())}};
}

std::string label_filter(const std::vector<std::string>& labels) {
  return json({{"label", labels}}).dump();
}

json container_request(const MachineSpec& spec, const std::string& image, const EngineFacts& facts,
                       const Labels& labels, const EngineOffer& offer) {
  const std::string network = offer.network.empty() ? "bridge" : offer.network;

  json host = {
      {"AutoRemove", true},
      {"CgroupnsMode", "private"},
      {"IpcMode", "private"},
      {"LogConfig", {{"Type", "none"}}},
      {"NetworkMode", spec.network == NetworkAccess::user ? network : "none"},
      {"Privileged", spec.privileged},
  };
  if (facts.memory_limit)
    host["Memory"] = spec.memory.count;
  if (facts.memory_limit && facts.swap_limit)
    host["MemorySwap"] = spec.memory.count;
  if (facts.cpu_limit)
    host["NanoCpus"] = std::int64_t{spec.cores} * 1'000'000'000;
  if (facts.pids_limit)
    host["PidsLimit"] = k_process_limit;
  json request = {
      {"AttachStderr", true},
      {"AttachStdin", true},
      {"AttachStdout", true},
      {"Cmd", json::array()},
      {"Entrypoint", {k_agent, "--stdio", "--container", "--calls", k_host_socket}},
      {"Healthcheck", {{"Test", {"NONE"}}}},
      {"HostConfig", host},
      {"Hostname", hostname_from(spec.name)},
      {"Image", image},
      {"Labels", labels},
      {"OpenStdin", true},
      {"StdinOnce", true},
      {"User", "0:0"},
      {"WorkingDir", "/"},
  };
  if (!offer.socket.empty()) {
    request["Env"] = {fmt::format("DOCKER_HOST=unix://{}", k_engine_socket), "DOCKER_BUILDKIT=0"};
    request["HostConfig"]["Mounts"] = json::array(
        {{{"Type", "bind"}, {"Source", offer.socket.string()}, {"Target", k_engine_socket}}});
  }
  // The engine knows a container by its name, which is not the machine's.
  if (spec.network == NetworkAccess::user && !offer.network.empty())
    request["NetworkingConfig"]["EndpointsConfig"][offer.network] = {
        {"Aliases", {hostname_from(spec.name)}}};
  return request;
}

json hostname_request(const std::string& hostname) {
  return {{"AttachStderr", true},
          {"AttachStdout", true},
          {"Cmd", {k_agent, "--hostname", hostname}},
          {"Privileged", true},
          {"User", "0:0"}};
}

std::string container_name(const std::string& machine) {
  std::random_device random;
  return fmt::format("nestbox-{}-{:08x}{:08x}", hostname_from(machine), random(), random());
}

std::string id_of(const json& reply, const char* key) {
  const std::string id = text_at(reply, key);
  const std::string_view digits = std::string_view(id).substr(id.starts_with("sha256:") ? 7 : 0);
  if (digits.empty() || digits.size() > 128
      || !std::ranges::all_of(digits, [](unsigned char c) { return std::isalnum(c) != 0; }))
    throw Error(ErrorCode::corrupt, "the container engine does not say what it has made");
  return id;
}

Bytes used_memory(const json& stats) {
  const auto found = stats.is_object() ? stats.find("memory_stats") : stats.end();
  if (found == stats.end() || !found->is_object())
    return {};
  const json details = found->value("stats", json::object());
  const std::uint64_t used = number(*found, "usage");
  // As `docker stats` counts: cgroups of version 1, then of version 2.
  const std::uint64_t idle = details.contains("total_inactive_file")
                                 ? number(details, "total_inactive_file")
                                 : number(details, "inactive_file");
  return {used > idle ? used - idle : used};
}

std::string agent_archive() {
  std::string bytes;
  TarWriter archive([&](std::string_view piece) { bytes += piece; });
  archive.file(k_agent + 1, agent_binary(), 0755);
  archive.finish();
  return bytes;
}

}  // namespace nestbox::docker
