#include "vmdrivers/ec2/settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>

#include "harness/base/configuration.hpp"
#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "harness/model/settings_text.hpp"
#include "vmdrivers/ec2/init_script.hpp"

namespace nestbox::ec2 {
namespace {

constexpr int k_last_port = 65535;
constexpr int k_many = 10'000;
/// It boots slowly, and gets its ssh server from Windows Update.
constexpr auto k_windows_start_limit = std::chrono::minutes(30);

/// Small enough to be cheap, large enough for a Debian, and in every region.
std::vector<InstanceType> usual_types() {
  return {{"t3.small", {2, gibibytes(2)}},    {"t3.medium", {2, gibibytes(4)}},
          {"t3.large", {2, gibibytes(8)}},    {"t3.xlarge", {4, gibibytes(16)}},
          {"t3.2xlarge", {8, gibibytes(32)}}, {"m5.4xlarge", {16, gibibytes(64)}}};
}

/// EC2's agent knows it by either case.
bool has_powershell_tag(std::string_view text) {
  constexpr std::string_view k_tag = "powershell>";
  return !std::ranges::search(text, k_tag, [](unsigned char one, unsigned char other) {
            return std::tolower(one) == std::tolower(other);
          }).empty();
}

class SettingsReader {
public:
  explicit SettingsReader(YamlReader& reader) : m_reader(reader) {}

  Settings read(const YamlNode& document) {
    Settings settings;
    const auto field = m_reader.fields("ec2.yml", document,
                                       {"image", "user", "ssh_port", "sudo", "windows", "region",
                                        "subnet", "allowed_from", "private_address", "spot",
                                        "types", "max_machines", "max_cores", "max_ram",
                                        "start_limit", "time_to_live", "disk", "user_data"});
    boolean("windows", field[4], settings.windows);
    if (settings.windows) {
      settings.user = "Administrator";
      settings.start_limit = k_windows_start_limit;
    }
    text("image", field[0], settings.image);
    text("user", field[1], settings.user);
    integer("ssh_port", field[2], 1, k_last_port, settings.ssh_port);
    boolean("sudo", field[3], settings.sudo);
    text("region", field[5], settings.region);
    text("subnet", field[6], settings.subnet);
    text("allowed_from", field[7], settings.allowed_from);
    boolean("private_address", field[8], settings.private_address);
    boolean("spot", field[9], settings.spot);
    if (field[10])
      read_types(*field[10], settings.types);
    integer("max_machines", field[11], 1, k_many, settings.max_machines);
    integer("max_cores", field[12], 1, k_many, settings.max_cores);
    bytes("max_ram", field[13], settings.max_memory);
    duration("start_limit", field[14], settings.start_limit);
    duration("time_to_live", field[15], settings.time_to_live);
    if (settings.time_to_live < std::chrono::minutes(1))
      m_reader.mistake(*field[15], "'time_to_live' is less than a minute", "write '2h'");
    Bytes disk;
    bytes("disk", field[16], disk);
    settings.disk_gibibytes =
        static_cast<int>((disk.count + gibibytes(1).count - 1) / gibibytes(1).count);
    if (settings.types.empty())
      settings.types = usual_types();
    if (field[17])
      read_user_data(*field[17], settings);
    return settings;
  }

private:
  void read_user_data(const YamlNode& node, Settings& settings) {
    text("user_data", &node, settings.user_data);
    if (!settings.windows && !settings.user_data.starts_with('#'))
      m_reader.mistake(node, "'user_data' is nothing that cloud-init knows",
                       "begin with '#!/bin/sh', '#cloud-config' or the like");
    if (settings.windows && has_powershell_tag(settings.user_data))
      m_reader.mistake(node, "'user_data' has tags", "write the lines of PowerShell alone");
    if (init_script(settings).size() > k_user_data_limit.count)
      m_reader.mistake(node,
                       fmt::format("'user_data' and nestbox's own are more than {} together",
                                   format_bytes(k_user_data_limit)),
                       "fetch the rest from it, or make an image that has it");
  }

  void read_types(const YamlNode& node, std::vector<InstanceType>& types) {
    for (const auto& [name, body] : m_reader.entries("types", node)) {
      InstanceType& type = types.emplace_back();
      type.name = name->scalar;
      const auto field = m_reader.fields(type.name, *body, {"cores", "ram"});
      integer("cores", field[0], 1, k_many, type.size.cores);
      bytes("ram", field[1], type.size.memory);
      if (!field[0] || !field[1])
        m_reader.mistake(*name,
                         fmt::format("type '{}' lacks 'cores' or 'ram'", printable(type.name)),
                         "write, for instance: t3.small: {cores: 2, ram: 2GiB}");
    }
  }

  void text(std::string_view key, const YamlNode* node, std::string& value) {
    if (node)
      value = m_reader.text(key, *node).value_or(value);
  }
  void integer(std::string_view key, const YamlNode* node, int least, int most, int& value) {
    if (node)
      value = m_reader.integer(key, *node, least, most).value_or(value);
  }
  void boolean(std::string_view key, const YamlNode* node, bool& value) {
    if (node)
      value = m_reader.boolean(key, *node).value_or(value);
  }
  template <class Value>
  void parsed(std::string_view key, const YamlNode* node, Value& value,
              Result<Value> (*parse)(std::string_view)) {
    if (!node)
      return;
    const auto written = m_reader.text(key, *node);
    if (!written)
      return;
    if (const Result<Value> read = parse(*written))
      value = *read;
    else
      m_reader.mistake(*node, fmt::format("'{}': {}", key, read.error().message),
                       read.error().hint);
  }
  void bytes(std::string_view key, const YamlNode* node, Bytes& value) {
    parsed<Bytes>(key, node, value, parse_bytes);
  }
  void duration(std::string_view key, const YamlNode* node, std::chrono::milliseconds& value) {
    parsed<std::chrono::milliseconds>(key, node, value, parse_duration);
  }

  YamlReader& m_reader;
};

/// Those that no bound forbids.
std::vector<InstanceType> allowed_types(const Settings& settings) {
  std::vector<InstanceType> types;
  std::ranges::copy_if(settings.types, std::back_inserter(types), [&](const InstanceType& type) {
    return type.size.cores <= settings.max_cores && type.size.memory <= settings.max_memory;
  });
  return types;
}

}  // namespace

Settings parse_settings(std::string_view text, const std::string& file) {
  return read_settings<SettingsReader>(text, file);
}

std::filesystem::path settings_file() {
  return configuration_file("NESTBOX_EC2_CONFIG", "ec2.yml");
}

Settings load_settings() {
  const std::filesystem::path file = settings_file();
  return parse_settings(load_settings_text(file).value_or("{}"), file.string());
}

Bounds bounds(const Settings& settings) {
  Bounds bounds{.sizes = std::vector<MachineSize>(),
                .machines = settings.max_machines,
                .cores = settings.max_cores,
                .memory = settings.max_memory,
                .raised_by =
                    fmt::format("'types', 'max_machines', 'max_cores' and 'max_ram' in '{}'",
                                settings_file().string())};
  for (const InstanceType& type : allowed_types(settings))
    bounds.sizes->push_back(type.size);
  return bounds;
}

std::vector<InstanceType> fitting_types(const Settings& settings, const MachineSize& least) {
  if (const auto reason = beyond(bounds(settings), {least}))
    throw Error(ErrorCode::unsupported, "driver 'ec2' " + *reason);
  std::vector<InstanceType> types = allowed_types(settings);
  std::erase_if(types, [&](const InstanceType& type) {
    return type.size.cores < least.cores || type.size.memory < least.memory;
  });
  return types;
}

}  // namespace nestbox::ec2
