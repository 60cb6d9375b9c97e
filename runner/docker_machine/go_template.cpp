#include "runner/docker_machine/go_template.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"

namespace nestbox {
namespace {

using Json = nlohmann::ordered_json;

/// What ".Driver.IPAddress" leads to.
const Json& field(const Json& document, std::string_view path) {
  const Json* found = &document;
  for (const std::string& name : split(path.substr(1), '.')) {
    if (name.empty())
      continue;
    if (!found->is_object() || !found->contains(name))
      throw Error(ErrorCode::usage, fmt::format("a machine's description has no '{}'", path),
                  "'nestbox docker-machine inspect' without a template prints all there is");
    found = &(*found)[name];
  }
  return *found;
}

std::string evaluate(const Json& document, std::string_view action) {
  std::vector<std::string> words;
  for (const std::string& word : split(action, ' '))
    if (!word.empty())
      words.push_back(word);
  const bool converts = words.size() == 2 && (words[0] == "json" || words[0] == "prettyjson");
  if (words.empty() || !words.back().starts_with('.') || (words.size() != 1 && !converts))
    throw Error(ErrorCode::usage,
                fmt::format("the template '{{{{{}}}}}' is not understood", action),
                "what is: {{.Field.Field}}, {{json .Field}}, {{prettyjson .Field}}");
  const Json& value = field(document, words.back());
  if (converts)
    return value.dump(words[0] == "json" ? -1 : 4);
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

std::string expand_template(const std::string& json, const std::string& text) {
  const Json document = Json::parse(json);
  std::string result;
  std::size_t done = 0;
  while (true) {
    const std::size_t begin = text.find("{{", done);
    result += text.substr(done, begin - done);
    if (begin == std::string::npos)
      return result;
    const std::size_t end = text.find("}}", begin);
    if (end == std::string::npos)
      throw Error(ErrorCode::usage, "the template '" + text + "' lacks its '}}'");
    result += evaluate(document, std::string_view(text).substr(begin + 2, end - begin - 2));
    done = end + 2;
  }
}

}  // namespace nestbox
