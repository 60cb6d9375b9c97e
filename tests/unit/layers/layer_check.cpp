#include "tests/unit/layers/layer_check.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "harness/base/filesystem.hpp"
#include "harness/base/text.hpp"

namespace nestbox {

namespace {

// A room, and the rooms beside itself that it may include.
const std::map<std::string, std::set<std::string>>& arrows() {
  static const std::set<std::string> whole_harness = {
      "harness/base", "harness/aws",   "harness/net",  "harness/model",
      "harness/vm",   "harness/guest", "harness/blob", "harness/env"};
  static const auto with = [](std::set<std::string> rooms, const std::string& one_more) {
    rooms.insert(one_more);
    return rooms;
  };
  static const std::map<std::string, std::set<std::string>> arrows = {
      {"harness/base", {}},
      {"harness/net", {"harness/base"}},
      {"harness/model", {"harness/base", "harness/net"}},
      {"harness/aws", {"harness/base"}},
      {"harness/blob", {"harness/base", "harness/aws"}},
      {"harness/vm", {"harness/base", "harness/net", "harness/model"}},
      {"harness/guest", {"harness/base", "harness/net", "harness/model", "harness/vm"}},
      {"harness/env", whole_harness},
      {"vmdrivers",
       {"harness/base", "harness/aws", "harness/net", "harness/model", "harness/vm",
        "harness/guest"}},
      {"runner", whole_harness},
      {"ci", with(whole_harness, "runner")},
  };
  return arrows;
}

// What drivers share that run QEMU, below all of them.
constexpr std::string_view k_shared_room = "vmdrivers/qemu_base";

constexpr std::string_view k_register_drivers = "vmdrivers/register_drivers.hpp";

// "harness/base", "vmdrivers/qemu", "vmdrivers", "runner": where a file is at home.
std::string room_of(const std::string& path) {
  const std::vector<std::string> parts = split(path, '/');
  if (parts.size() > 2 && (parts[0] == "harness" || parts[0] == "vmdrivers"))
    return parts[0] + "/" + parts[1];
  return parts[0];
}

bool is_driver(const std::string& room) {
  return room.starts_with("vmdrivers/") && room != k_shared_room;
}

// The rule that `path` breaks by including `included`; empty when it breaks none.
std::string broken_rule(const std::string& path, const std::string& included) {
  const std::string from = room_of(path);
  const std::string to = room_of(included);
  if (included == k_register_drivers) {
    const bool root = path.ends_with("/main.cpp") || path == "vmdrivers/register_drivers.cpp"
                      || from == "benchmarks";
    return root ? "" : "only a program's main.cpp may know every driver";
  }
  if (from == "benchmarks" || from == to)
    return to == "tests" && !included.starts_with("tests/support/")
               ? "of the tests, benchmarks share tests/support only"
               : "";
  if (is_driver(to)) {
    if (path == "vmdrivers/register_drivers.cpp")
      return "";
    return is_driver(from) ? "a driver never includes another driver"
                           : "a driver is included by vmdrivers/register_drivers.cpp only";
  }
  if (to == k_shared_room)
    return is_driver(from) ? "" : "what drivers share is included by drivers only";
  if (!arrows().contains(to) || included.find('/') == included.npos)
    return "includes are written by path from the root, and never into the tests";
  const auto allowed = arrows().find(is_driver(from) || from == k_shared_room ? "vmdrivers" : from);
  if (allowed == arrows().end())
    return "this folder has no floor: give it one in tests/unit/layers/layer_check.cpp";
  if (allowed->second.contains(to))
    return "";
  return "'" + from + "' may include only itself"
         + (allowed->second.empty()
                ? ""
                : " and " + join({allowed->second.begin(), allowed->second.end()}, ", "));
}

}  // namespace

std::vector<std::string> layer_violations(const std::string& path, std::string_view source) {
  std::vector<std::string> violations;
  int line = 0;
  for (const std::string& text : split(source, '\n')) {
    ++line;
    std::string_view rest = trim(text);
    if (!rest.starts_with('#'))
      continue;
    rest = trim(rest.substr(1));
    if (!rest.starts_with("include"))
      continue;
    rest = trim(rest.substr(std::string_view("include").size()));
    const std::size_t end = rest.find('"', 1);
    if (!rest.starts_with('"') || end == rest.npos)
      continue;
    const std::string included(rest.substr(1, end - 1));
    if (const std::string rule = broken_rule(path, included); !rule.empty())
      violations.push_back(path + ":" + std::to_string(line) + ": includes '" + included + "', but "
                           + rule);
  }
  return violations;
}

std::vector<std::string> layer_violations_below(const fs::path& root) {
  static const std::set<std::string> k_extensions = {".cpp", ".hpp", ".c", ".h"};
  std::vector<std::string> violations;
  for (const char* folder : {"harness", "vmdrivers", "runner", "ci", "benchmarks"}) {
    if (!fs::is_directory(root / folder))
      continue;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / folder)) {
      if (!entry.is_regular_file() || !k_extensions.contains(entry.path().extension()))
        continue;
      const std::string path = entry.path().lexically_relative(root);
      const std::vector<std::string> found = layer_violations(path, read_file(entry.path()));
      violations.insert(violations.end(), found.begin(), found.end());
    }
  }
  std::sort(violations.begin(), violations.end());
  return violations;
}

}  // namespace nestbox
