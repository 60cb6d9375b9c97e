#include "vmdrivers/ssh/settings.hpp"

#include "harness/base/configuration.hpp"
#include "harness/model/name_rules.hpp"
#include "harness/model/settings_text.hpp"

namespace nestbox::ssh {

namespace {

constexpr int k_last_port = 65535;

class SettingsReader {
public:
  explicit SettingsReader(YamlReader& reader) : m_reader(reader) {}

  std::vector<Host> read(const YamlNode& document) {
    const auto field = m_reader.fields("ssh.yml", document, {"hosts", "defaults"});
    Host defaults;
    if (field[1])
      read_host("defaults", *field[1], defaults);
    std::vector<Host> hosts;
    if (!field[0])
      return hosts;
    for (const auto& [name, body] : m_reader.entries("hosts", *field[0])) {
      Host& host = hosts.emplace_back(defaults);
      host.name = name->scalar;
      if (!is_environment_name(host.name))
        m_reader.mistake(*name, "'" + printable(host.name) + "' cannot name a host",
                         "use letters, digits, '.', '_' and '-', at most 64, and say where it is "
                         "with 'address'");
      read_host(host.name, *body, host);
      if (host.endpoint.address.empty())
        host.endpoint.address = host.name;
    }
    return hosts;
  }

private:
  void read_host(const std::string& key, const YamlNode& body, Host& host) {
    const auto field = m_reader.fields(key, body,
                                       {"address", "port", "user", "identity", "host_key",
                                        "known_hosts", "sudo", "directory", "windows"});
    SshEndpoint& endpoint = host.endpoint;
    read_text("address", field[0], endpoint.address);
    if (field[1])
      endpoint.port = m_reader.integer("port", *field[1], 1, k_last_port).value_or(endpoint.port);
    read_text("user", field[2], endpoint.user);
    read_path("identity", field[3], endpoint.identity);
    read_text("host_key", field[4], endpoint.host_key.fingerprint);
    if (field[4] && !endpoint.host_key.fingerprint.starts_with("SHA256:"))
      m_reader.mistake(*field[4], "'host_key' is no fingerprint",
                       "write what 'ssh-keygen -lf' prints: SHA256:…");
    read_path("known_hosts", field[5], endpoint.host_key.known_hosts);
    if (field[6])
      host.sudo = m_reader.boolean("sudo", *field[6]).value_or(host.sudo);
    read_text("directory", field[7], host.directory);
    if (field[7] && host.directory.starts_with('~'))
      m_reader.mistake(*field[7], "'directory' cannot begin with '~'",
                       "a path that is not absolute is below the user's home there");
    if (field[8])
      host.windows = m_reader.boolean("windows", *field[8]).value_or(host.windows);
  }

  void read_text(std::string_view key, const YamlNode* node, std::string& value) {
    if (node)
      value = m_reader.text(key, *node).value_or(value);
  }

  void read_path(std::string_view key, const YamlNode* node, std::filesystem::path& value) {
    if (!node)
      return;
    if (const auto text = m_reader.text(key, *node))
      value = with_home(*text);
  }

  YamlReader& m_reader;
};

}  // namespace

std::vector<Host> parse_settings(std::string_view text, const std::string& file) {
  return read_settings<SettingsReader>(text, file);
}

std::filesystem::path settings_file() {
  return configuration_file("NESTBOX_SSH_CONFIG", "ssh.yml");
}

std::vector<Host> load_settings() {
  const std::filesystem::path file = settings_file();
  return parse_settings(load_settings_text(file).value_or("{}"), file.string());
}

}  // namespace nestbox::ssh
