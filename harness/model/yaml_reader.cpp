#include "harness/model/yaml_reader.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <tuple>
#include <unordered_map>

#include "harness/model/name_rules.hpp"

namespace nestbox {

namespace {

constexpr std::size_t k_kept_mistakes = 100;
constexpr std::size_t k_most_items = 1000;
constexpr Bytes k_longest_value = kibibytes(64);
constexpr Bytes k_most_copied = mebibytes(256);

std::string quoted(std::string_view name) {
  return "'" + printable(name) + "'";
}

}  // namespace

void YamlReader::mistake(const YamlNode& node, std::string message, std::string hint) {
  // Even the place of a mistake costs something; a hostile text can hold millions.
  if (m_mistakes.size() >= 10 * k_kept_mistakes)
    ++m_unkept;
  else
    m_mistakes.push_back(m_source.mistake(node.offset, std::move(message), std::move(hint)));
}

bool YamlReader::charge(const YamlNode& node, std::size_t bytes) {
  bool was_within = m_charged <= k_most_copied.count;
  m_charged += bytes;
  if (was_within && m_charged > k_most_copied.count)
    mistake(node, "inherits too much: more than " + format_bytes(k_most_copied) + " by now",
            "put long scripts in files of their own");
  return m_charged <= k_most_copied.count;
}

std::vector<Error> YamlReader::take_mistakes() {
  std::stable_sort(m_mistakes.begin(), m_mistakes.end(), [](const Error& a, const Error& b) {
    return std::tie(a.where->line, a.where->column) < std::tie(b.where->line, b.where->column);
  });
  if (m_mistakes.size() > k_kept_mistakes) {
    m_unkept += m_mistakes.size() - k_kept_mistakes;
    m_mistakes.erase(m_mistakes.begin() + k_kept_mistakes, m_mistakes.end());
    Error last = m_mistakes.back();
    last.message = "and " + std::to_string(m_unkept) + " more mistakes after this one";
    last.hint.clear();
    m_mistakes.push_back(std::move(last));
  }
  return std::exchange(m_mistakes, {});
}

void YamlReader::wrong_type(std::string_view key, const YamlNode& node, std::string_view expected,
                            std::string hint) {
  if (node.kind != YamlNode::Kind::refused)
    mistake(node, quoted(key) + " must be " + std::string(expected) + ", not " + describe(node),
            std::move(hint));
}

void YamlReader::unknown_choice(std::string_view key, const YamlNode& node,
                                const std::vector<std::string>& names) {
  mistake(node, "unknown " + std::string(key) + " " + quoted(node.scalar),
          suggestion(node.scalar, names, "it can be "));
}

std::vector<YamlReader::Entry> YamlReader::entries(std::string_view key, const YamlNode& node) {
  std::vector<Entry> result;
  if (node.kind == YamlNode::Kind::nothing)
    return result;
  if (node.kind != YamlNode::Kind::mapping) {
    wrong_type(key, node, "a mapping (key: value)");
    return result;
  }
  std::size_t count = node.children.size() / 2;
  result.reserve(count);
  std::unordered_map<std::string_view, const YamlNode*> seen;
  seen.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const YamlNode& name = node.children[2 * i];
    if (!name.is_scalar()) {
      if (name.kind != YamlNode::Kind::refused)
        mistake(name, "a key must be a text, not " + describe(name));
      continue;
    }
    auto [first, added] = seen.try_emplace(name.scalar, &name);
    if (added)
      result.emplace_back(&name, &node.children[2 * i + 1]);
    else
      mistake(name, "duplicate key " + quoted(name.scalar),
              "it was given first on line "
                  + std::to_string(m_source.place(first->second->offset).line));
  }
  return result;
}

std::vector<const YamlNode*> YamlReader::fields(std::string_view key, const YamlNode& node,
                                                std::initializer_list<std::string_view> known) {
  std::vector<const YamlNode*> result(known.size(), nullptr);
  for (auto [name, value] : entries(key, node)) {
    auto found = std::find(known.begin(), known.end(), name->scalar);
    if (found != known.end())
      result[static_cast<std::size_t>(found - known.begin())] = value;
    else
      mistake(*name, "unknown key " + quoted(name->scalar) + " in " + quoted(key),
              suggestion(name->scalar, {known.begin(), known.end()}, "known keys: "));
  }
  return result;
}

std::optional<std::vector<const YamlNode*>> YamlReader::items(std::string_view key,
                                                              const YamlNode& node) {
  if (node.kind != YamlNode::Kind::sequence) {
    wrong_type(key, node, "a list",
               node.is_scalar() ? "write [" + printable(node.scalar.substr(0, 60)) + "]" : "");
    return {};
  }
  if (node.children.size() > k_most_items) {
    mistake(node, quoted(key) + " has more than " + std::to_string(k_most_items) + " items");
    return {};
  }
  std::vector<const YamlNode*> result;
  for (const YamlNode& child : node.children)
    result.push_back(&child);
  return result;
}

std::vector<std::pair<const YamlNode*, std::string>> YamlReader::words(std::string_view key,
                                                                       const YamlNode& node) {
  std::vector<std::pair<const YamlNode*, std::string>> result;
  std::set<std::string_view> seen;
  for (const YamlNode* item : items(key, node).value_or(std::vector<const YamlNode*>{})) {
    if (std::optional<std::string> word = text(key, *item);
        word && !seen.insert(item->scalar).second)
      mistake(*item, quoted(*word) + " is listed twice in " + quoted(key));
    else if (word)
      result.emplace_back(item, std::move(*word));
  }
  return result;
}

std::optional<std::string> YamlReader::text(std::string_view key, const YamlNode& node) {
  bool plain_value = node.kind == YamlNode::Kind::plain && (node.is_boolean() || node.is_number());
  if (!node.is_scalar() || plain_value) {
    wrong_type(key, node, "a text", plain_value ? "put it in quotes if you mean the text" : "");
    return {};
  }
  if (node.scalar.empty()) {
    mistake(node, quoted(key) + " is empty");
    return {};
  }
  if (node.scalar.size() > k_longest_value.count) {
    mistake(node, quoted(key) + " is longer than " + format_bytes(k_longest_value),
            "put it in a file of its own");
    return {};
  }
  if (node.scalar.find('\0') != std::string::npos) {
    mistake(node, quoted(key) + " holds a zero byte");
    return {};
  }
  return node.scalar;
}

std::optional<bool> YamlReader::boolean(std::string_view key, const YamlNode& node) {
  if (node.is_boolean())
    return node.scalar == "true";
  wrong_type(key, node, "true or false");
  return {};
}

std::optional<int> YamlReader::integer(std::string_view key, const YamlNode& node, int least,
                                       int most) {
  long long value = 0;
  const char* end = node.scalar.data() + node.scalar.size();
  auto [stop, error] = std::from_chars(node.scalar.data(), end, value);
  bool overflow = error == std::errc::result_out_of_range && stop == end;
  if (node.kind != YamlNode::Kind::plain || (!overflow && (error != std::errc() || stop != end))) {
    wrong_type(key, node, "a whole number");
    return {};
  }
  if (overflow || value < least || value > most) {
    mistake(node, quoted(key) + " must be from " + std::to_string(least) + " to "
                      + std::to_string(most) + ", not " + node.scalar);
    return {};
  }
  return static_cast<int>(value);
}

std::optional<Bytes> YamlReader::bytes(std::string_view key, const YamlNode& node, Bytes least,
                                       Bytes most) {
  if (node.kind == YamlNode::Kind::plain && node.is_number()) {
    mistake(node, quoted(key) + " has no unit: " + node.scalar,
            "write it like " + node.scalar + "MiB");
    return {};
  }
  std::optional<std::string> written = text(key, node);
  if (!written)
    return {};
  Result<Bytes> value = parse_bytes(*written);
  if (value && written->find_first_not_of("0123456789") == std::string::npos)
    value = fail(ErrorCode::definition, quoted(*written) + " has no unit", "write it like 512MiB");
  if (!value) {
    mistake(node, quoted(key) + ": " + value.error().message, value.error().hint);
    return {};
  }
  if (*value < least || *value > most) {
    mistake(node, quoted(key) + " must be from " + format_bytes(least) + " to " + format_bytes(most)
                      + ", not " + printable(*written));
    return {};
  }
  return *value;
}

std::optional<std::chrono::milliseconds> YamlReader::duration(std::string_view key,
                                                              const YamlNode& node) {
  if (node.kind == YamlNode::Kind::plain && node.is_number()) {
    mistake(node, quoted(key) + " has no unit: " + node.scalar,
            "write it like " + node.scalar + "s or " + node.scalar + "m");
    return {};
  }
  std::optional<std::string> written = text(key, node);
  if (!written)
    return {};
  Result<std::chrono::milliseconds> value = parse_duration(*written);
  if (!value) {
    mistake(node, quoted(key) + ": " + value.error().message, value.error().hint);
    return {};
  }
  if (*value <= std::chrono::milliseconds(0) || *value > k_longest_duration) {
    mistake(node,
            quoted(key) + " must be more than 0s and at most 168h, not " + printable(*written));
    return {};
  }
  return *value;
}

std::map<std::string, std::string> YamlReader::variables(std::string_view key,
                                                         const YamlNode& node) {
  std::map<std::string, std::string> result;
  for (auto [name, value] : entries(key, node)) {
    if (!is_variable_name(name->scalar))
      mistake(*name, quoted(name->scalar) + " cannot name a variable",
              "use letters, digits and '_', not beginning with a digit");
    else if (!value->is_scalar())
      wrong_type(name->scalar, *value, "a text",
                 value->kind == YamlNode::Kind::nothing ? "write \"\" for an empty one" : "");
    else if (value->scalar.find('\0') != std::string::npos)
      mistake(*value, quoted(name->scalar) + " holds a zero byte");
    else
      result.emplace(name->scalar, value->scalar);
  }
  return result;
}

bool knows_all(const YamlNode& node, const std::vector<const YamlNode*>& fields) {
  auto known =
      fields.size() - static_cast<std::size_t>(std::count(fields.begin(), fields.end(), nullptr));
  return node.kind == YamlNode::Kind::nothing
         || (node.kind == YamlNode::Kind::mapping && known == node.children.size() / 2);
}

std::string suggestion(std::string_view name, const std::vector<std::string>& candidates,
                       std::string_view introduction) {
  std::string near = did_you_mean(name, candidates);
  return near.empty() && !candidates.empty()
             ? std::string(introduction) + "'" + join(candidates, "', '") + "'"
             : near;
}

}  // namespace nestbox
