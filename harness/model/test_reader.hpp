#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "harness/model/definition.hpp"
#include "harness/model/yaml_reader.hpp"

namespace nestbox {

/// Reads tests: from `tests` and `defaults`, and value by value for a script's header.
class TestReader {
public:
  /// Of `definition`, what is read by now: markers, environments, topologies. Both must outlive the
  /// reader. `root`: where scripts and copied files must exist; empty: not looked up.
  TestReader(YamlReader& reader, const Definition& definition, std::filesystem::path root = {});

  /// The `defaults` section.
  Test defaults(const YamlNode& section);

  /// The `tests` section.
  std::vector<Test> tests(const YamlNode& section, const Test& defaults);

  /// The topologies that those tests have for themselves, by their names.
  std::map<std::string, Topology> take_worlds() { return std::move(m_worlds); }

  /// Where the fields stand that say in what the test runs, nullptr for those that are absent.
  struct Place {
    const YamlNode* environment = nullptr;
    const YamlNode* topology = nullptr;
    const YamlNode* machines = nullptr;
    const YamlNode* from = nullptr;
    const YamlNode* expose = nullptr;
    const YamlNode* steps = nullptr;
    const YamlNode* machine_need = nullptr;  ///< memory, cores or network
    const YamlNode* name = nullptr;          ///< the test's, when it has `machines`
  };
  /// Reads them, but the needs, which are known by now, and settles between them.
  void place(const Place& place, Test& test);

  void environment(const YamlNode& node, Test& test);
  void markers(const YamlNode& node, Test& test);  ///< added to those the test has
  void timeout(const YamlNode& node, Test& test);
  void isolation(const YamlNode& node, Test& test);
  void needs_isolation(const YamlNode& node, Needs& needs);
  void network(const YamlNode& node, Needs& needs);
  void memory(const YamlNode& node, Needs& needs);
  void cores(const YamlNode& node, Needs& needs);
  void nested(const YamlNode& node, Needs& needs);
  void privileged(const YamlNode& node, Needs& needs);
  void docker(const YamlNode& node, Needs& needs);

private:
  Test test(const YamlNode& name, const YamlNode& body, const Test& defaults);
  void command(const YamlNode& node, Test& test);
  void script(const YamlNode& node, Test& test);
  const YamlNode* needs(const YamlNode& node, Needs& needs);
  void common(const std::vector<const YamlNode*>& fields, Test& test);
  void topology(const YamlNode& node, Test& test);
  void machines(const Place& place, Test& test);
  void settle(const Place& place, const Topology& world, Test& test);
  void from(const YamlNode& node, const Topology& world, Test& test);
  void container(const YamlNode& node, Test& test);

  YamlReader& m_reader;
  const Definition& m_definition;
  std::filesystem::path m_root;
  std::map<std::string, Topology> m_worlds;
  std::unordered_set<std::string_view> m_markers;  // empty: any goes
};

}  // namespace nestbox
