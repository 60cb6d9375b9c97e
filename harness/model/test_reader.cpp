#include "harness/model/test_reader.hpp"

#include <algorithm>

#include "harness/model/marker_word.hpp"
#include "harness/model/name_rules.hpp"

namespace nestbox {

namespace {

constexpr Bytes k_least_memory = mebibytes(64);
constexpr Bytes k_most_memory = gibibytes(1024);
constexpr int k_most_cores = 128;
constexpr int k_most_repeats = 1'000'000;
constexpr int k_most_retries = 100;

std::size_t size_of(const Test& test) {
  std::size_t size = 0;
  for (const std::string& marker : test.markers)
    size += sizeof marker + marker.size();
  for (const auto& [name, value] : test.variables)
    size += 100 + name.size() + value.size();
  return size;
}

}  // namespace

TestReader::TestReader(YamlReader& reader, const std::map<std::string, Environment>& environments,
                       const std::vector<std::string>& registered)
    : m_reader(reader), m_environments(environments) {
  if (!registered.empty()) {
    m_markers.insert(registered.begin(), registered.end());
    m_markers.insert(builtin_markers().begin(), builtin_markers().end());
  }
}

Test TestReader::defaults(const YamlNode& section) {
  Test test;
  common(m_reader.fields(
             "defaults", section,
             {"environment", "markers", "timeout", "isolation", "env", "repeat", "retries"}),
         test);
  return test;
}

std::vector<Test> TestReader::tests(const YamlNode& section, const Test& defaults,
                                    const std::filesystem::path& root) {
  std::vector<YamlReader::Entry> entries = m_reader.entries("tests", section);
  std::vector<Test> result;
  result.reserve(entries.size());
  std::size_t inherited = size_of(defaults);
  for (auto [name, body] : entries) {
    if (!m_reader.charge(*name, inherited))
      break;
    result.push_back(test(*name, *body, defaults, root));
  }
  return result;
}

Test TestReader::test(const YamlNode& name, const YamlNode& body, const Test& defaults,
                      const std::filesystem::path& root) {
  Test result = defaults;
  result.name = name.scalar;
  result.where = m_reader.source().place(name.offset);
  if (!is_test_name(name.scalar))
    m_reader.mistake(name, "'" + printable(name.scalar) + "' cannot name a test",
                     "use 1 to 200 printable characters, no '-' first, no space at the ends");
  if (body.is_scalar()) {
    command(body, result);
    return result;
  }
  if (body.kind == YamlNode::Kind::sequence) {
    m_reader.mistake(body, "a test must be a command or a mapping, not a list",
                     "write 'run: [program, argument]' within it");
    return result;
  }
  auto field = m_reader.fields(name.scalar, body,
                               {"run", "script", "environment", "markers", "timeout", "isolation",
                                "needs", "env", "repeat", "retries", "skip", "xfail"});
  const YamlNode *run = field[0], *file = field[1];
  common({field[2], field[3], field[4], field[5], field[7], field[8], field[9]}, result);
  if (run)
    command(*run, result);
  if (file)
    script(*file, root, result);
  if (run && file)
    m_reader.mistake(*file, "'run' and 'script' exclude each other");
  // After a misspelt key, what is missing is known already.
  auto known =
      field.size() - static_cast<std::size_t>(std::count(field.begin(), field.end(), nullptr));
  bool all_known = body.kind == YamlNode::Kind::nothing
                   || (body.kind == YamlNode::Kind::mapping && known == body.children.size() / 2);
  if (!run && !file && all_known)
    m_reader.mistake(name, "test '" + printable(name.scalar) + "' has nothing to run",
                     "give it 'run: command' or 'script: path'");
  if (field[6])
    needs(*field[6], result.needs);
  if (field[10])
    result.skip = m_reader.text("skip", *field[10]);
  if (field[11])
    result.expected_failure = m_reader.text("xfail", *field[11]);
  return result;
}

void TestReader::common(const std::vector<const YamlNode*>& field, Test& test) {
  if (field[0])
    environment(*field[0], test);
  if (field[1])
    markers(*field[1], test);
  if (field[2])
    timeout(*field[2], test);
  if (field[3])
    isolation(*field[3], test);
  if (field[4])
    for (auto& [variable, value] : m_reader.variables("env", *field[4]))
      test.variables.insert_or_assign(variable, value);
  if (field[5])
    test.repeat = m_reader.integer("repeat", *field[5], 1, k_most_repeats).value_or(test.repeat);
  if (field[6])
    test.retries = m_reader.integer("retries", *field[6], 0, k_most_retries).value_or(test.retries);
}

void TestReader::command(const YamlNode& node, Test& test) {
  if (node.kind != YamlNode::Kind::sequence) {
    if (std::optional<std::string> script = m_reader.text("run", node))
      test.command = {"/bin/sh", "-c", std::move(*script)};
    return;
  }
  if (node.children.empty())
    m_reader.mistake(node, "'run' is an empty list", "name a program first, then its arguments");
  test.command.clear();
  for (const YamlNode* item : m_reader.items("run", node).value_or(std::vector<const YamlNode*>{}))
    if (item->kind == YamlNode::Kind::text && item->scalar.empty() && !test.command.empty())
      test.command.emplace_back();
    else if (std::optional<std::string> argument = m_reader.text("run", *item))
      test.command.push_back(std::move(*argument));
}

void TestReader::script(const YamlNode& node, const std::filesystem::path& root, Test& test) {
  std::optional<std::string> path = m_reader.text("script", node);
  if (!path)
    return;
  if (!is_source_path(*path))
    m_reader.mistake(node, "'" + printable(*path) + "' leaves the definition's directory",
                     "name a file beside it, relative and without '..'");
  else if (!root.empty() && !std::filesystem::is_regular_file(root / *path))
    m_reader.mistake(node, "no file '" + printable(*path) + "' in the definition's directory");
  test.script = std::filesystem::path(*path).lexically_normal().string();
  test.command = {"./" + test.script};
}

void TestReader::needs(const YamlNode& node, Needs& needs) {
  auto field =
      m_reader.fields("needs", node, {"isolation", "nested", "network", "memory", "cores"});
  if (field[0])
    needs.machine = m_reader.choice<bool>("isolation", *field[0], {{"machine", true}}).has_value();
  if (field[1])
    nested(*field[1], needs);
  if (field[2])
    network(*field[2], needs);
  if (field[3])
    memory(*field[3], needs);
  if (field[4])
    cores(*field[4], needs);
}

void TestReader::environment(const YamlNode& node, Test& test) {
  std::optional<std::string> name = m_reader.text("environment", node);
  if (name && m_environments.contains(*name)) {
    test.environment = std::move(*name);
  } else if (name) {
    std::vector<std::string> known;
    for (const auto& [candidate, environment] : m_environments)
      known.push_back(candidate);
    m_reader.mistake(node, "unknown environment '" + printable(*name) + "'",
                     suggestion(*name, known, "known environments: "));
  }
}

void TestReader::markers(const YamlNode& node, Test& test) {
  for (auto& [item, word] : m_reader.words("markers", node)) {
    if (!is_marker(word))
      m_reader.mistake(*item, "'" + printable(word) + "' cannot be a marker",
                       "use one word that is none of and, or, not, True, False");
    else if (!m_markers.empty() && !m_markers.contains(word))
      m_reader.mistake(
          *item, "unknown marker '" + word + "'",
          suggestion(word, {m_markers.begin(), m_markers.end()}, "registered markers: "));
    else if (std::find(test.markers.begin(), test.markers.end(), word) == test.markers.end())
      test.markers.push_back(std::move(word));
  }
}

void TestReader::timeout(const YamlNode& node, Test& test) {
  test.timeout = m_reader.duration("timeout", node).value_or(test.timeout);
}

void TestReader::isolation(const YamlNode& node, Test& test) {
  test.isolation = m_reader
                       .choice<Isolation>("isolation", node,
                                          {{"fork", Isolation::fork}, {"fresh", Isolation::fresh}})
                       .value_or(test.isolation);
}

void TestReader::network(const YamlNode& node, Needs& needs) {
  needs.network =
      m_reader
          .choice<NetworkAccess>("network", node,
                                 {{"none", NetworkAccess::none}, {"user", NetworkAccess::user}})
          .value_or(needs.network);
}

void TestReader::memory(const YamlNode& node, Needs& needs) {
  needs.memory = m_reader.bytes("memory", node, k_least_memory, k_most_memory);
}

void TestReader::cores(const YamlNode& node, Needs& needs) {
  needs.cores = m_reader.integer("cores", node, 1, k_most_cores);
}

void TestReader::nested(const YamlNode& node, Needs& needs) {
  needs.nested = m_reader.boolean("nested", node).value_or(needs.nested);
}

}  // namespace nestbox
