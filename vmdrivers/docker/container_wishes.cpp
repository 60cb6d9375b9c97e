#include "vmdrivers/docker/container_wishes.hpp"

#include <algorithm>
#include <functional>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "vmdrivers/docker/host_config_rules.hpp"
#include "vmdrivers/docker/json_text.hpp"

namespace nestbox::docker {
namespace {

using nlohmann::json;

std::string text_of(const json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}

/// "name[:…]", with `missing` in the place of what might follow the name.
std::string other_container(const ScopeRequest& request, const std::string& written,
                            const std::string& missing) {
  const std::size_t colon = std::min(written.find(':'), written.size());
  return container_of(request, written.substr(0, colon))
         + (colon == written.size() ? missing : written.substr(colon));
}

/// "name[:alias]": its own name, which the engine does not know, is the alias that it has anyway.
std::string linked(const ScopeRequest& request, const std::string& written) {
  return other_container(request, written, ":" + written);
}

class Wishes {
public:
  Wishes(const ScopeRequest& request, ScopeVerdict& verdict)
      : m_request(request), m_verdict(verdict) {}

  void host(json& host) {
    if (is_nothing(host.value("NetworkMode", json())))
      host["NetworkMode"] = "default";
    for (auto& [key, value] : host.items()) {
      if (key == "NetworkMode")
        value = network_of(m_request, text_of(value), m_verdict);
      else if (key == "Binds")
        change_each(value, [&](json& bind) { bind = bound(text_of(bind)); });
      else if (key == "Mounts")
        change_each(value, [&](json& mount) { mounted(mount); });
      else if (key == "VolumesFrom")
        change_each(value,
                    [&](json& other) { other = other_container(m_request, text_of(other), ""); });
      else if (key == "Links")
        change_each(value, [&](json& other) { other = linked(m_request, text_of(other)); });
      else if (key == "PidMode" || key == "IpcMode")
        value = namespace_mode(key, value);
      else if (!m_request.scope.privileged && key == "PortBindings")
        change_each(value, publish_anywhere);
      else if (!m_request.scope.privileged)
        check_host_setting(key, value);
    }
  }

  void networking(json& networking, const std::string& mode, const std::string& name) {
    only(networking, {"EndpointsConfig"}, "a container's network");
    const json asked = networking.value("EndpointsConfig", json());
    json endpoints = json::object();
    const auto add = [&](const std::string& network, const json& endpoint) {
      const bool own = network != "none" && network != "host" && !network.starts_with("container:");
      if (own)
        endpoints[network] = scoped_endpoint(m_request, endpoint, name);
    };
    add(mode, json());
    for (const auto& [network, endpoint] : asked.items())
      add(network_of(m_request, network, m_verdict), endpoint);
    networking["EndpointsConfig"] = endpoints;
  }

private:
  static void change_each(json& values, const std::function<void(json&)>& change) {
    for (auto& [key, value] : values.items())
      change(value);
  }

  /// Two tests may ask for the same port of the host, and none for the host's neighbours.
  static void publish_anywhere(json& bindings) {
    bindings = json::array({{{"HostIp", "127.0.0.1"}, {"HostPort", ""}}});
  }

  json namespace_mode(const std::string& key, const json& value) const {
    const std::string mode = text_of(value);
    if (mode.starts_with("container:"))
      return "container:" + container_of(m_request, mode.substr(10));
    const bool own = is_nothing(value) || mode == "private"
                     || (key == "IpcMode" && (mode == "shareable" || mode == "none"));
    if (!own && !m_request.scope.privileged)
      refuse_reach("'HostConfig." + key + "'");
    return value;
  }

  std::string volume(const std::string& name) {
    if (const auto present = m_request.lookup.volume(name))
      return *present;
    std::string scoped = m_request.scope.prefix() + checked_name(name);
    m_verdict.volumes.push_back(scoped);
    return scoped;
  }

  /// "name:/path[:options]", "/path:/path[:options]", or "/path" alone.
  std::string bound(const std::string& written) {
    const std::size_t colon = written.find(':');
    if (colon == written.npos)
      return written;
    const std::string source = written.substr(0, colon);
    if (!source.starts_with('/'))
      return volume(source) + written.substr(colon);
    if (!m_request.scope.privileged)
      refuse_reach("the host's directory '" + printable(source) + "'");
    return written;
  }

  void mounted(json& mount) {
    only(mount,
         {"BindOptions", "Consistency", "ReadOnly", "Source", "Target", "TmpfsOptions", "Type",
          "VolumeOptions"},
         "a mount");
    const std::string type = text_at(mount, "Type");
    if (type == "tmpfs")
      return;
    if (type != "volume") {
      if (!m_request.scope.privileged)
        refuse_reach("a mount of type '" + printable(type) + "'");
      return;
    }
    if (const json options = mount.value("VolumeOptions", json()); !is_nothing(options)) {
      only(options, {"DriverConfig", "Labels", "NoCopy", "Subpath"}, "a volume");
      if (!m_request.scope.privileged && !is_nothing(options.value("DriverConfig", json())))
        refuse_reach("a volume with a driver");
    }
    if (const std::string name = text_at(mount, "Source"); !name.empty())
      mount["Source"] = volume(name);
  }

  const ScopeRequest& m_request;
  ScopeVerdict& m_verdict;
};

json& object_at(json& body, const char* key) {
  if (!body.contains(key) || !body[key].is_object())
    body[key] = json::object();
  return body[key];
}

}  // namespace

json scoped_container(const ScopeRequest& request, const std::string& name, ScopeVerdict& verdict) {
  json body = only(request.body,
                   {"ArgsEscaped",
                    "AttachStderr",
                    "AttachStdin",
                    "AttachStdout",
                    "Cmd",
                    "Domainname",
                    "Entrypoint",
                    "Env",
                    "ExposedPorts",
                    "Healthcheck",
                    "HostConfig",
                    "Hostname",
                    "Image",
                    "Labels",
                    "MacAddress",
                    "NetworkDisabled",
                    "NetworkingConfig",
                    "OnBuild",
                    "OpenStdin",
                    "Platform",
                    "Shell",
                    "StdinOnce",
                    "StopSignal",
                    "StopTimeout",
                    "Tty",
                    "User",
                    "Volumes",
                    "WorkingDir"},
                   "a container");
  if (const std::string image = text_at(body, "Image"); !image.empty())
    body["Image"] = request.lookup.image(image).value_or(image);
  Wishes wishes(request, verdict);
  wishes.host(object_at(body, "HostConfig"));
  wishes.networking(object_at(body, "NetworkingConfig"), text_at(body["HostConfig"], "NetworkMode"),
                    name);
  add_labels(body, request.scope);
  return body;
}

json scoped_endpoint(const ScopeRequest& request, const json& endpoint, const std::string& name) {
  json scoped = json::object();
  if (endpoint.is_object())
    for (const char* kept : {"Aliases", "IPAMConfig", "Links", "MacAddress"})
      if (endpoint.contains(kept))
        scoped[kept] = endpoint[kept];
  if (scoped.contains("Links"))
    for (auto& [index, link] : scoped["Links"].items())
      link = linked(request, text_of(link));
  if (!name.empty()) {
    if (!scoped.contains("Aliases") || !scoped["Aliases"].is_array())
      scoped["Aliases"] = json::array();
    scoped["Aliases"].push_back(name);
  }
  return scoped;
}

}  // namespace nestbox::docker
