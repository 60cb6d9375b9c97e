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
  /// `registered` as in Definition::markers. All three must outlive the reader.
  TestReader(YamlReader& reader, const std::map<std::string, Environment>& environments,
             const std::vector<std::string>& registered);

  /// The `defaults` section.
  Test defaults(const YamlNode& section);

  /// The `tests` section; `root`: where scripts must exist, empty: not looked up.
  std::vector<Test> tests(const YamlNode& section, const Test& defaults,
                          const std::filesystem::path& root);

  void environment(const YamlNode& node, Test& test);
  void markers(const YamlNode& node, Test& test);  ///< added to those the test has
  void timeout(const YamlNode& node, Test& test);
  void isolation(const YamlNode& node, Test& test);
  void network(const YamlNode& node, Needs& needs);
  void memory(const YamlNode& node, Needs& needs);
  void cores(const YamlNode& node, Needs& needs);
  void nested(const YamlNode& node, Needs& needs);

private:
  Test test(const YamlNode& name, const YamlNode& body, const Test& defaults,
            const std::filesystem::path& root);
  void command(const YamlNode& node, Test& test);
  void script(const YamlNode& node, const std::filesystem::path& root, Test& test);
  void needs(const YamlNode& node, Needs& needs);
  void common(const std::vector<const YamlNode*>& fields, Test& test);

  YamlReader& m_reader;
  const std::map<std::string, Environment>& m_environments;
  std::unordered_set<std::string_view> m_markers;  // empty: any goes
};

}  // namespace nestbox
