#include "runner/docker_machine/engine.hpp"

#include <fmt/format.h>

#include "harness/base/text.hpp"

namespace nestbox {
namespace {

constexpr const char* k_unit_file = "/etc/systemd/system/docker.service.d/10-machine.conf";

/// One word of a line of a unit, in which '$' means a variable where commands stand.
std::string quoted(std::string_view word, bool command) {
  std::string text = "\"";
  for (const char c : word) {
    if (c == '"' || c == '\\')
      text += '\\';
    else if (c == '%' || (c == '$' && command))
      text += c;
    text += c;
  }
  return text + '"';
}

std::string put_file(const std::string& path, std::string_view content) {
  return fmt::format("cat > {} << 'END OF FILE'\n{}{}END OF FILE\n", path, content,
                     content.ends_with('\n') ? "" : "\n");
}

}  // namespace

std::string engine_unit(const EngineOptions& options, const std::string& driver) {
  std::string command =
      fmt::format("dockerd -H fd:// -H tcp://0.0.0.0:{} --tlsverify --tlscacert /etc/docker/ca.pem"
                  " --tlscert /etc/docker/server.pem --tlskey /etc/docker/server-key.pem",
                  k_engine_port);
  const auto add = [&](const std::string& name, const std::string& value) {
    command += " " + quoted("--" + name + (value.empty() ? "" : "=" + value), true);
  };
  if (!options.storage_driver.empty())
    add("storage-driver", options.storage_driver);
  add("label", "provider=" + driver);
  for (const std::string& label : options.labels)
    add("label", label);
  for (const std::string& registry : options.insecure_registries)
    add("insecure-registry", registry);
  for (const std::string& mirror : options.registry_mirrors)
    add("registry-mirror", mirror);
  for (const std::string& flag : options.flags)
    add(flag, "");
  std::string unit = "[Service]\nExecStart=\nExecStart=" + command + '\n';
  for (const std::string& variable : options.environment)
    unit += "Environment=" + quoted(variable, false) + '\n';
  return unit;
}

std::string engine_script(const EngineCertificates& certificates, const std::string& unit) {
  std::string script = "set -e\n"
                       "umask 077\n"
                       "mkdir -p /etc/docker /etc/systemd/system/docker.service.d\n";
  script += put_file("/etc/docker/ca.pem", certificates.authority);
  script += put_file("/etc/docker/server.pem", certificates.certificate);
  script += put_file("/etc/docker/server-key.pem", certificates.key);
  if (!unit.empty())
    script += put_file(k_unit_file, unit) + "systemctl daemon-reload\n";
  // However often that was asked for within a minute.
  return script + R"(systemctl reset-failed docker.service
systemctl restart docker.service && exit
journalctl --unit docker.service --lines 20 --no-pager --output cat >&2
exit 1
)";
}

std::string parse_engine_version(const std::string& told) {
  constexpr std::string_view k_before = "Docker version ";
  const std::string_view text = trim(told);
  if (!text.starts_with(k_before))
    return {};
  return std::string(text.substr(k_before.size(), text.find(',') - k_before.size()));
}

}  // namespace nestbox
