#include "vmdrivers/docker_machine/settings.hpp"

#include <algorithm>
#include <array>

#include "harness/base/configuration.hpp"
#include "harness/model/settings_text.hpp"

namespace nestbox::docker_machine {

namespace {

bool is_option_name(std::string_view name) {
  return !name.empty() && name.front() != '-' && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

/// What everybody on this host could read in the list of processes.
bool names_secret(std::string_view option) {
  constexpr std::array k_words = {"secret", "password", "token", "api-key", "access-key"};
  return std::ranges::any_of(k_words,
                             [&](const char* word) { return option.find(word) != option.npos; });
}

class SettingsReader {
public:
  explicit SettingsReader(YamlReader& reader) : m_reader(reader) {}

  Settings read(const YamlNode& document) {
    const auto field = m_reader.fields("docker-machine.yml", document,
                                       {"program", "driver", "options", "sudo", "directory"});
    Settings settings;
    if (field[0])
      read_program(*field[0], settings);
    read_text("driver", field[1], settings.driver);
    if (field[2])
      for (const auto& [name, value] : m_reader.entries("options", *field[2]))
        read_option(*name, *value, settings);
    if (field[3])
      settings.sudo = m_reader.boolean("sudo", *field[3]).value_or(settings.sudo);
    read_text("directory", field[4], settings.directory);
    if (!field[1] && !m_reader.any_mistake())
      m_reader.mistake(document, "'driver' is missing",
                       "name the docker-machine driver that creates machines: driver: amazonec2");
    return settings;
  }

private:
  void read_program(const YamlNode& node, Settings& settings) {
    if (node.kind != YamlNode::Kind::sequence)
      return read_text("program", &node, settings.program.front());
    settings.program.clear();
    for (const auto& [place, word] : m_reader.words("program", node))
      settings.program.push_back(word);
    if (settings.program.empty() && !m_reader.any_mistake())
      m_reader.mistake(node, "'program' has no words", "write: program: docker-machine");
  }

  void read_option(const YamlNode& name, const YamlNode& value, Settings& settings) {
    const std::string& option = name.scalar;
    if (!is_option_name(option))
      return m_reader.mistake(name, "'" + printable(option) + "' is no option of docker-machine",
                              "write it without its dashes: amazonec2-region");
    if (names_secret(option))
      return m_reader.mistake(name, "'" + option + "' does not belong on a command line",
                              "docker-machine takes secrets from its environment, too: "
                              "AWS_SECRET_ACCESS_KEY, for instance");
    if (value.is_boolean()) {
      if (value.scalar == "true")
        settings.options.emplace_back(option, std::nullopt);
      return;
    }
    if (value.kind != YamlNode::Kind::sequence) {
      add(option, value, settings);
      return;
    }
    if (const auto items = m_reader.items(option, value))
      for (const YamlNode* item : *items)
        add(option, *item, settings);
  }

  void add(const std::string& option, const YamlNode& value, Settings& settings) {
    if (value.is_scalar())
      settings.options.emplace_back(option, value.scalar);
    else if (value.kind != YamlNode::Kind::refused)
      m_reader.mistake(value, "'" + option + "' must be a text, a number, true, or a list of them");
  }

  void read_text(std::string_view key, const YamlNode* node, std::string& value) {
    if (node)
      value = m_reader.text(key, *node).value_or(value);
  }

  YamlReader& m_reader;
};

}  // namespace

Settings parse_settings(std::string_view text, const std::string& file) {
  return read_settings<SettingsReader>(text, file);
}

std::filesystem::path settings_file() {
  return configuration_file("NESTBOX_DOCKER_MACHINE_CONFIG", "docker-machine.yml");
}

std::optional<Settings> load_settings() {
  const std::filesystem::path file = settings_file();
  const std::optional<std::string> text = load_settings_text(file);
  return text ? std::optional(parse_settings(*text, file.string())) : std::nullopt;
}

}  // namespace nestbox::docker_machine
