#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/error.hpp"
#include "harness/model/source_text.hpp"

namespace nestbox {

/// A node of a YAML text with its place in it: plain, so that a reader can report every mistake
/// where it stands.
struct YamlNode {
  enum class Kind : std::uint8_t {
    nothing,   ///< an empty value, `~` or `null`
    plain,     ///< a scalar without quotes: may mean a number or a truth value
    text,      ///< a quoted or block scalar
    sequence,  ///< `children` are its items
    mapping,   ///< `children` are key, value, key, value…
    refused,   ///< reported already (an alias): readers pass over it
  };

  Kind kind = Kind::nothing;
  std::uint32_t offset = 0;  ///< of its first byte
  std::string scalar;
  std::vector<YamlNode> children;

  bool is_scalar() const { return kind == Kind::plain || kind == Kind::text; }
  bool is_boolean() const { return kind == Kind::plain && (scalar == "true" || scalar == "false"); }
  bool
  is_number() const;  ///< of YAML's core schema (JSON's numbers, hexadecimal, octal, .inf, .nan)
};

/// For messages: "the number 5", "the text 'x'", "a list", "a mapping", "nothing".
std::string describe(const YamlNode& node);

/// Parses one document, at most 16 MiB and 32 levels deep; nothing after a syntax error. Anchors,
/// aliases and tags are refused, so that a text is never larger than it looks. An empty text is
/// Kind::nothing.
std::optional<YamlNode> parse_yaml(const SourceText& source, std::vector<Error>& mistakes);

}  // namespace nestbox
