#include "runner/discovery.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "harness/base/text.hpp"
#include "runner/script_files.hpp"

namespace nestbox {

namespace {

namespace fs = std::filesystem;

constexpr const char* k_definition_name = "nestbox.yml";
constexpr std::size_t k_longest_name = 200;

std::optional<fs::path> git_top(fs::path directory) {
  while (!fs::exists(directory / ".git")) {
    if (!directory.has_relative_path())
      return {};
    directory = directory.parent_path();
  }
  return directory;
}

Test test_of_command(const std::vector<std::string>& command, const Definition& definition) {
  Test test = definition.defaults;
  test.name = printable(shell_quote(command));
  if (test.name.size() > k_longest_name)
    test.name = printable(test.name.substr(0, k_longest_name)) + "…";
  test.command = command;
  return test;
}

/// Collects what the given paths and names stand for.
class Collector {
public:
  Collector(const fs::path& directory, Suite& suite)
      : m_directory(directory), m_root(suite.root), m_suite(suite),
        m_chosen(suite.definition.tests.size(), false) {
    const std::vector<Test>& tests = suite.definition.tests;
    for (std::size_t i = 0; i < tests.size(); ++i)
      if (!tests[i].script.empty())
        m_by_script.emplace(tests[i].script, i);
  }

  void choose_all_written() { m_chosen.assign(m_chosen.size(), true); }

  void choose_folder(const fs::path& folder) {
    for (std::string& file : find_test_files(m_root, folder))
      choose_file(std::move(file));
  }

  void choose(const std::string& word) {
    const std::vector<Test>& tests = m_suite.definition.tests;
    auto written = std::find_if(tests.begin(), tests.end(),
                                [&word](const Test& test) { return test.name == word; });
    if (written != tests.end()) {
      m_chosen[static_cast<std::size_t>(written - tests.begin())] = true;
      return;
    }
    fs::path path = (m_directory / word).lexically_normal();
    std::error_code ignored;
    fs::file_type type = fs::status(path, ignored).type();
    if (type == fs::file_type::none || type == fs::file_type::not_found)
      throw not_found(word, path);
    fs::path target = fs::canonical(path);
    fs::path relative = path.lexically_relative(m_root);
    if (!is_within_root(target) || relative.empty() || *relative.begin() == "..")
      throw Error(
          ErrorCode::usage, "'" + printable(word) + "' lies outside '" + m_root.string() + "'",
          "only that folder is copied into a machine: start nestbox where the test belongs");
    refuse_another_suite(word, type == fs::file_type::directory ? target : target.parent_path());
    if (type == fs::file_type::directory) {
      std::size_t before = count();
      choose_folder(target);
      if (count() == before && !m_found_again)
        throw Error(
            ErrorCode::not_found, "no tests in folder '" + printable(word) + "'",
            "it looks for test.sh, test_*.sh, *_test.sh, *.t and executable test_* or *_test; "
            "name other files one by one");
    } else if (type == fs::file_type::regular) {
      choose_file(relative.string());
    } else {
      throw Error(ErrorCode::usage, "'" + printable(word) + "' is neither a file nor a folder");
    }
  }

  tl::expected<std::vector<Test>, DefinitionErrors> take() {
    std::vector<Test>& written = m_suite.definition.tests;
    std::vector<Test> tests;
    if (std::find(m_chosen.begin(), m_chosen.end(), false) == m_chosen.end()) {
      tests = std::move(written);
    } else {
      for (std::size_t i = 0; i < written.size(); ++i)
        if (m_chosen[i])
          tests.push_back(std::move(written[i]));
    }
    written.clear();
    std::sort(m_files.begin(), m_files.end());
    auto scripts = load_scripts(m_root, m_files, m_suite.definition);
    if (!scripts)
      return tl::unexpected(std::move(scripts.error()));
    if (tests.empty())
      return std::move(*scripts);
    std::move(scripts->begin(), scripts->end(), std::back_inserter(tests));
    return tests;
  }

private:
  void choose_file(std::string file) {
    auto [first, last] = m_by_script.equal_range(file);
    for (auto written = first; written != last; ++written) {
      m_found_again = true;
      m_chosen[written->second] = true;
    }
    if (first != last)
      return;
    if (m_seen.insert(file).second)
      m_files.push_back(std::move(file));
    else
      m_found_again = true;
  }

  std::size_t count() const { return m_files.size(); }

  bool is_within_root(const fs::path& path) const {
    return std::mismatch(m_root.begin(), m_root.end(), path.begin(), path.end()).first
           == m_root.end();
  }

  /// A script speaks of the environments of its own nestbox.yml.
  void refuse_another_suite(const std::string& word, const fs::path& folder) const {
    std::optional<fs::path> definition = find_definition(folder);
    if (!definition || !is_within_root(*definition) || definition->parent_path() == m_root)
      return;
    std::string other = definition->parent_path().lexically_relative(m_directory).string();
    throw Error(ErrorCode::usage,
                "'" + printable(word) + "' belongs to another nestbox.yml, in '" + other + "'",
                "start nestbox in that folder");
  }

  Error not_found(const std::string& word, const fs::path& path) const {
    std::vector<std::string> candidates;
    for (const Test& test : m_suite.definition.tests)
      candidates.push_back(test.name);
    constexpr std::size_t k_most_candidates = 10'000;
    std::error_code error;
    fs::directory_iterator entry(path.parent_path(), error);
    for (; !error && entry != fs::directory_iterator() && candidates.size() < k_most_candidates;
         entry.increment(error)) {
      fs::path sibling = fs::path(word).parent_path() / entry->path().filename();
      candidates.push_back(sibling.string());
    }
    std::string hint = did_you_mean(word, candidates);
    if (hint.empty() && word.find(' ') != std::string::npos)
      hint = "to run a command, write it after '--'";
    return Error(ErrorCode::not_found, "no test, file or folder '" + printable(word) + "'",
                 printable(hint));
  }

  const fs::path& m_directory;
  const fs::path& m_root;
  Suite& m_suite;
  std::vector<bool> m_chosen;  // of definition.tests
  std::unordered_multimap<std::string, std::size_t> m_by_script;
  std::vector<std::string> m_files;
  std::unordered_set<std::string> m_seen;
  bool m_found_again = false;
};

tl::expected<Suite, DefinitionErrors> collect(const DiscoveryRequest& request) {
  fs::path directory = fs::canonical(request.directory);
  Suite suite;
  std::optional<fs::path> definition = find_definition(directory);
  if (definition) {
    auto loaded =
        load_definition_file(*definition, definition->lexically_relative(directory).string());
    if (!loaded)
      return tl::unexpected(std::move(loaded.error()));
    suite.definition = std::move(*loaded);
    suite.root = definition->parent_path();
  } else {
    suite.root = git_top(directory).value_or(directory);
  }
  if (!request.command.empty()) {
    suite.tests.push_back(test_of_command(request.command, suite.definition));
    suite.definition.tests.clear();
    return suite;
  }
  Collector collector(directory, suite);
  for (const std::string& path : request.paths)
    collector.choose(path);
  if (request.paths.empty() && !suite.definition.tests.empty())
    collector.choose_all_written();
  else if (request.paths.empty())
    collector.choose_folder(directory);
  auto tests = collector.take();
  if (!tests)
    return tl::unexpected(std::move(tests.error()));
  suite.tests = std::move(*tests);
  return suite;
}

}  // namespace

std::optional<fs::path> find_definition(const fs::path& directory) {
  fs::path here = fs::canonical(directory);
  fs::path top = git_top(here).value_or(here);
  for (;; here = here.parent_path()) {
    if (fs::is_regular_file(here / k_definition_name))
      return here / k_definition_name;
    if (here == top)
      return {};
  }
}

tl::expected<Suite, DefinitionErrors> discover(const DiscoveryRequest& request) {
  try {
    return collect(request);
  } catch (Error& error) {
    return tl::unexpected(DefinitionErrors{{std::move(error)}});
  } catch (const fs::filesystem_error& error) {
    return tl::unexpected(DefinitionErrors{{system_error(
        "cannot read '" + printable(error.path1().string()) + "'", error.code().value())}});
  }
}

}  // namespace nestbox
