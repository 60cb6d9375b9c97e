#include "runner/docker_machine/listing.hpp"

#include <strings.h>

#include <algorithm>
#include <regex>
#include <string_view>

#include <nlohmann/json.hpp>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "runner/docker_machine/go_template.hpp"

namespace nestbox {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view k_table = "table";
constexpr std::string_view k_columns =
    "{{.Name}}\t{{.Active}}\t{{.DriverName}}\t{{.State}}\t{{.URL}}\t{{.Swarm}}\t{{.DockerVersion}}"
    "\t{{.Error}}";
constexpr std::size_t k_narrowest = 5;
constexpr std::size_t k_gap = 3;

bool same_word(const std::string& one, const std::string& other) {
  return ::strcasecmp(one.c_str(), other.c_str()) == 0;
}

bool fits_one(const std::string& key, const std::string& value, const ListedMachine& machine) {
  if (key == "name")
    return std::regex_search(machine.name, std::regex(value));
  if (key == "driver")
    return same_word(machine.driver, value);
  if (key == "state")
    return same_word(machine.state, value);
  return key == "label" && std::ranges::any_of(machine.labels, [&](const std::string& label) {
           return same_word(label, value) || label.starts_with(value + '=');
         });
}

std::string headings() {
  return Json{{"Name", "NAME"},         {"Active", "ACTIVE"},        {"ActiveHost", "ACTIVE_HOST"},
              {"DriverName", "DRIVER"}, {"State", "STATE"},          {"URL", "URL"},
              {"Swarm", "SWARM"},       {"DockerVersion", "DOCKER"}, {"Error", "ERRORS"}}
      .dump();
}

std::string described(const ListedMachine& machine) {
  return Json{
      {"Name", machine.name},
      {"Active", machine.active ? "*" : "-"},
      {"ActiveHost", machine.active},
      {"DriverName", machine.driver},
      {"State", machine.state},
      {"URL", machine.url},
      {"Swarm", ""},
      {"DockerVersion", machine.docker_version.empty() ? "Unknown" : 'v' + machine.docker_version},
      {"Error", machine.error}}
      .dump();
}

/// Tabs become the blanks that align what follows them.
std::string aligned(const std::vector<std::string>& lines) {
  std::vector<std::size_t> widths;
  std::vector<std::vector<std::string>> rows;
  for (const std::string& line : lines) {
    const std::vector<std::string>& row = rows.emplace_back(split(line, '\t'));
    widths.resize(std::max(widths.size(), row.size()), k_narrowest);
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size() + k_gap);
  }
  std::string text;
  for (const std::vector<std::string>& row : rows) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i)
      text += row[i] + std::string(widths[i] - row[i].size(), ' ');
    text += row.back() + '\n';
  }
  return text;
}

/// As they are typed in a shell's single quotes.
std::string with_escapes(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == 't' || text[i + 1] == 'n');
    result += !escape ? text[i] : text[i + 1] == 't' ? '\t' : '\n';
    i += escape ? 1 : 0;
  }
  return result;
}

}  // namespace

ListFilter::ListFilter(const std::vector<std::string>& filters) {
  for (const std::string& filter : filters) {
    const std::size_t equals = filter.find('=');
    if (equals == std::string::npos)
      throw Error(ErrorCode::usage, "the filter '" + filter + "' has no '='",
                  "as in '--filter state=Running'");
    const std::string key = filter.substr(0, equals);
    const std::vector<std::string> keys = {"driver", "label", "name", "state", "swarm"};
    if (std::ranges::find(keys, key) == keys.end())
      throw Error(ErrorCode::usage, "unsupported filter key '" + key + "'",
                  "those that are: " + join(keys, ", "));
    const std::string value = filter.substr(equals + 1);
    try {
      if (key == "name")
        static_cast<void>(std::regex(value));
    } catch (const std::regex_error&) {
      throw Error(ErrorCode::usage, "'" + value + "' is no regular expression");
    }
    m_values[key].push_back(value);
  }
}

bool ListFilter::fits(const ListedMachine& machine) const {
  return std::ranges::all_of(m_values, [&](const auto& entry) {
    return std::ranges::any_of(entry.second, [&](const std::string& value) {
      return fits_one(entry.first, value, machine);
    });
  });
}

std::string list_machines(const std::vector<ListedMachine>& machines, const std::string& format) {
  const bool table = format.empty() || format.starts_with(k_table);
  std::string_view text = format.empty() ? k_columns : format;
  text.remove_prefix(text.starts_with(k_table) ? k_table.size() : 0);
  const std::string row = with_escapes(trim(text));
  std::vector<std::string> lines;
  if (table)
    lines.push_back(expand_template(headings(), row));
  for (const ListedMachine& machine : machines)
    lines.push_back(expand_template(described(machine), row));
  return table ? aligned(lines) : lines.empty() ? "" : join(lines, "\n") + '\n';
}

}  // namespace nestbox
