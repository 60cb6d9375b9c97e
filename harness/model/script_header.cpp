#include <algorithm>

#include "harness/base/text.hpp"
#include "harness/model/definition_loader.hpp"
#include "harness/model/test_reader.hpp"
#include "harness/model/windows_words.hpp"

namespace nestbox {

namespace {

constexpr int k_header_lines = 30;
constexpr std::string_view k_introduction = "nestbox:";
constexpr std::string_view k_blanks = " \t\r";
const std::vector<std::string> k_keys = {
    "markers", "timeout", "environment", "topology",   "from",   "isolation", "network",
    "memory",  "cores",   "nested",      "privileged", "docker", "skip",      "xfail"};

struct Setting {
  YamlNode key;
  YamlNode value;
};

YamlNode node(YamlNode::Kind kind, std::size_t offset, std::string_view scalar) {
  YamlNode result;
  result.kind = kind;
  result.offset = static_cast<std::uint32_t>(offset);
  result.scalar = scalar;
  return result;
}

/// Splits "key=value key='two words'" from `offset` to `end`.
void read_settings(const SourceText& source, std::size_t offset, std::size_t end,
                   YamlReader& reader, std::vector<Setting>& settings) {
  std::string_view text = source.text().substr(0, end);
  while ((offset = text.find_first_not_of(k_blanks, offset)) != text.npos) {
    std::size_t key_end = std::min(text.find_first_of("= \t\r", offset), end);
    YamlNode key = node(YamlNode::Kind::plain, offset, text.substr(offset, key_end - offset));
    if (key_end == end || text[key_end] != '=') {
      reader.mistake(key, "'" + printable(key.scalar) + "' has no value",
                     "write key=value, and quote a value with spaces");
      offset = key_end;
      continue;
    }
    std::size_t begin = key_end + 1;
    char quote = begin < end ? text[begin] : ' ';
    bool quoted = quote == '"' || quote == '\'';
    std::size_t stop =
        quoted ? text.find(quote, ++begin) : std::min(text.find_first_of(k_blanks, begin), end);
    if (stop == text.npos) {
      reader.mistake(node(YamlNode::Kind::plain, begin - 1, {}), "this quote is never closed");
      return;
    }
    settings.push_back({std::move(key), node(quoted ? YamlNode::Kind::text : YamlNode::Kind::plain,
                                             begin, text.substr(begin, stop - begin))});
    offset = quoted ? stop + 1 : stop;
  }
}

std::vector<Setting> find_settings(const SourceText& source, YamlReader& reader) {
  std::vector<Setting> settings;
  std::string_view text = source.text();
  std::size_t begin = 0;
  for (int line = 0; line < k_header_lines && begin < text.size(); ++line) {
    std::size_t end = std::min(text.find('\n', begin), text.size());
    std::size_t content = text.find_first_not_of(k_blanks, begin);
    if (content < end && text[content] == '#') {
      content = text.find_first_not_of("# \t", content);
      if (content < end && text.substr(content).starts_with(k_introduction))
        read_settings(source, content + k_introduction.size(), end, reader, settings);
    }
    begin = end + 1;
  }
  return settings;
}

/// "a,b" as a list of two, each with its place.
YamlNode list(const YamlNode& value) {
  YamlNode result = node(YamlNode::Kind::sequence, value.offset, {});
  std::size_t offset = value.offset;
  for (const std::string& word : split(value.scalar, ',')) {
    result.children.push_back(node(YamlNode::Kind::text, offset, word));
    offset += word.size() + 1;
  }
  return result;
}

void apply(const Setting& setting, YamlReader& reader, TestReader& values, Test& test,
           TestReader::Place& place) {
  const std::string& key = setting.key.scalar;
  const YamlNode& value = setting.value;
  YamlNode reason = node(YamlNode::Kind::text, value.offset, value.scalar);
  if (key == "markers")
    values.markers(list(value), test);
  else if (key == "timeout")
    values.timeout(value, test);
  else if (key == "environment")
    place.environment = &value;
  else if (key == "topology")
    place.topology = &value;
  else if (key == "from")
    place.from = &value;
  else if (key == "isolation" && (value.scalar == "machine" || value.scalar == "container"))
    values.needs_isolation(value, test.needs);
  else if (key == "isolation")
    values.isolation(value, test);
  else if (key == "network")
    values.network(*(place.machine_need = &value), test.needs);
  else if (key == "memory")
    values.memory(*(place.machine_need = &value), test.needs);
  else if (key == "cores")
    values.cores(*(place.machine_need = &value), test.needs);
  else if (key == "nested")
    values.nested(value, test.needs);
  else if (key == "privileged")
    values.privileged(value, test.needs);
  else if (key == "docker")
    values.docker(value, test.needs);
  else if (key == "skip")
    test.skip = reader.text(key, reason);
  else
    test.expected_failure = reader.text(key, reason);
}

}  // namespace

tl::expected<Test, DefinitionErrors>
load_script_header(std::string_view text, std::string_view name, const Definition& definition) {
  Test test = definition.defaults;
  test.name = name;
  test.script = name;
  test.command = {"./" + test.script};
  // One that names its interpreter is for a system that looks at it.
  test.needs.windows = is_windows_script(name) && !text.starts_with("#!");
  test.where = SourceLocation{test.name, 1, 1, {}};
  if (text.find(k_introduction) == text.npos)
    return test;

  SourceText source(text, test.name);
  YamlReader reader(source);
  TestReader values(reader, definition);
  TestReader::Place place;
  std::vector<Setting> settings = find_settings(source, reader);
  std::vector<std::string> seen;
  for (const Setting& setting : settings) {
    const std::string& key = setting.key.scalar;
    if (std::find(k_keys.begin(), k_keys.end(), key) == k_keys.end())
      reader.mistake(setting.key, "unknown key '" + printable(key) + "'",
                     suggestion(key, k_keys, "known keys: "));
    else if (std::find(seen.begin(), seen.end(), key) != seen.end())
      reader.mistake(setting.key, "duplicate key '" + key + "'");
    else
      apply(setting, reader, values, test, place);
    seen.push_back(key);
  }
  values.place(place, test);
  if (reader.any_mistake())
    return tl::unexpected(DefinitionErrors{reader.take_mistakes()});
  return test;
}

}  // namespace nestbox
