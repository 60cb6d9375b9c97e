#include "vmdrivers/docker_machine/commands.hpp"

#include <nlohmann/json.hpp>

namespace nestbox::docker_machine {

namespace {

using nlohmann::json;

constexpr int k_ssh_port = 22;

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::vector<std::string> command(const Settings& settings, std::vector<std::string> words) {
  words.insert(words.begin(), settings.program.begin(), settings.program.end());
  return words;
}

/// Drivers that name no key have theirs beside the other files of the machine.
std::string key_of(const json& document, const json& driver) {
  if (std::string path = text_of(driver, "SSHKeyPath"); !path.empty())
    return path;
  const std::string store = text_of(driver, "StorePath");
  const std::string name = text_of(document, "Name");
  return store.empty() || name.empty() ? "" : store + "/machines/" + name + "/id_rsa";
}

}  // namespace

std::vector<std::string> create_command(const Settings& settings, const std::string& name) {
  std::vector<std::string> argv = command(settings, {"create", "--driver", settings.driver});
  for (const auto& [option, value] : settings.options) {
    argv.push_back("--" + option);
    if (value)
      argv.push_back(*value);
  }
  argv.push_back(name);
  return argv;
}

std::vector<std::string> inspect_command(const Settings& settings, const std::string& name) {
  return command(settings, {"inspect", name});
}

std::vector<std::string> remove_command(const Settings& settings, const std::string& name) {
  return command(settings, {"rm", "-f", "-y", name});
}

std::vector<std::string> version_command(const Settings& settings) {
  return command(settings, {"--version"});
}

Result<Description> parse_inspect(std::string_view text) {
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object() || !document.contains("Driver") || !document["Driver"].is_object())
    return fail(ErrorCode::corrupt, "docker-machine's 'inspect' does not describe a machine");
  const json& driver = document["Driver"];
  SshEndpoint endpoint{.address = text_of(driver, "IPAddress"),
                       .port = k_ssh_port,
                       .user = text_of(driver, "SSHUser"),
                       .identity = key_of(document, driver),
                       .host_key = {.accept_any = true}};
  if (const auto port = driver.find("SSHPort"); port != driver.end() && port->is_number_integer())
    endpoint.port = port->get<int>();
  if (endpoint.user.empty())
    endpoint.user = "root";
  if (endpoint.address.empty())
    return fail(ErrorCode::corrupt, "docker-machine's 'inspect' gives the machine no address");
  if (endpoint.port < 1 || endpoint.port > 65535)
    return fail(ErrorCode::corrupt, "docker-machine's 'inspect' gives a port that is none");
  Description description{endpoint, {}};
  // Clouds give a machine two: one among its neighbours, one for the world.
  for (const char* key : {"PrivateIPAddress", "IPAddress"})
    if (std::string address = text_of(driver, key); !address.empty())
      description.addresses.push_back(std::move(address));
  return description;
}

}  // namespace nestbox::docker_machine
