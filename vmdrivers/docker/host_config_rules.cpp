#include "vmdrivers/docker/host_config_rules.hpp"

#include <algorithm>
#include <array>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "vmdrivers/docker/json_text.hpp"
#include "vmdrivers/docker/scope_request.hpp"

namespace nestbox::docker {
namespace {

using nlohmann::json;

/// Whatever their value is.
constexpr std::array k_harmless = {
    "AutoRemove",
    "BlkioWeight",
    "CapDrop",
    "ConsoleSize",
    "ContainerIDFile",
    "CpuCount",
    "CpuPercent",
    "CpuPeriod",
    "CpuQuota",
    "CpuShares",
    "CpusetCpus",
    "CpusetMems",
    "Dns",
    "DnsOptions",
    "DnsSearch",
    "ExtraHosts",
    "GroupAdd",
    "Init",
    "KernelMemory",
    "KernelMemoryTCP",
    "Memory",
    "MemorySwap",
    "MemoryReservation",
    "MemorySwappiness",
    "NanoCPUs",
    "NanoCpus",
    "PidsLimit",
    "PublishAllPorts",
    "ReadonlyRootfs",
    "RestartPolicy",
    "ShmSize",
    "StopTimeout",
    "Tmpfs",
    "Ulimits",
};

/// What a container has by itself, and what reaches no further than its own namespaces.
constexpr std::array k_harmless_capabilities = {
    "AUDIT_WRITE", "CHOWN",   "DAC_OVERRIDE", "FOWNER",           "FSETID",     "IPC_LOCK",
    "KILL",        "MKNOD",   "NET_ADMIN",    "NET_BIND_SERVICE", "NET_RAW",    "SETFCAP",
    "SETGID",      "SETPCAP", "SETUID",       "SYS_CHROOT",       "SYS_PTRACE",
};

template <std::size_t Size>
bool is_among(const std::array<const char*, Size>& words, const std::string& word) {
  return std::ranges::find(words, word) != words.end();
}

void check_capabilities(const json& value) {
  for (const json& capability : value) {
    std::string name = capability.is_string() ? capability.get<std::string>() : "?";
    name = name.starts_with("CAP_") ? name.substr(4) : name;
    if (!is_among(k_harmless_capabilities, name))
      refuse_reach("the capability '" + printable(name) + "'");
  }
}

void check_log_driver(const json& value) {
  const std::string type = value.is_object() ? text_at(value, "Type") : "?";
  if (!type.empty() && type != "json-file" && type != "none" && type != "local")
    refuse_reach("the log driver '" + printable(type) + "'");
}

void check_sysctls(const json& value) {
  for (const auto& [name, setting] : value.items())
    if (!value.is_object() || !name.starts_with("net."))
      refuse_reach("the sysctl '" + printable(name) + "'");
}

}  // namespace

void refuse_reach(const std::string& what) {
  throw Error(ErrorCode::usage, what + " reaches beyond the container", k_privileged_hint);
}

void check_host_setting(const std::string& key, const json& value) {
  // An empty list of these lays bare what the engine's own list hides.
  const bool hides = key == "MaskedPaths" || key == "ReadonlyPaths";
  if (hides ? value.is_null() : is_nothing(value))
    return;
  if (key == "CapAdd")
    return check_capabilities(value);
  if (key == "LogConfig")
    return check_log_driver(value);
  if (key == "Sysctls")
    return check_sysctls(value);
  const bool usual =
      ((key == "CgroupnsMode" || key == "Isolation") && (value == "private" || value == "default"))
      || (key == "SecurityOpt"
          && (value == json::array({"no-new-privileges"})
              || value == json::array({"no-new-privileges:true"})))
      || (key == "Runtime" && value == "runc");
  if (!usual && !is_among(k_harmless, key))
    refuse_reach("'HostConfig." + printable(key) + "'");
}

}  // namespace nestbox::docker
