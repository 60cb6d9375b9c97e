#include "vmdrivers/docker/scope_filters.hpp"

#include <map>
#include <vector>

#include "harness/base/error.hpp"

namespace nestbox::docker {
namespace {

using nlohmann::json;
using Filters = std::map<std::string, std::vector<std::string>>;

Filters parse_filters(const std::string& written) {
  const json parsed = written.empty() ? json::object() : json::parse(written, nullptr, false);
  if (!parsed.is_object())
    throw Error(ErrorCode::usage, "'filters' is no JSON object");
  Filters filters;
  for (const auto& [key, values] : parsed.items()) {
    std::vector<std::string>& found = filters[key];
    for (const auto& [index, value] : values.items())
      if (values.is_object() && value == json(true))
        found.push_back(index);
      else if (values.is_array() && value.is_string())
        found.push_back(value.get<std::string>());
  }
  return filters;
}

/// The engine takes a name for a pattern; one that must begin the name must begin ours.
std::string scoped_pattern(const std::string& pattern, const Scope& scope) {
  for (const std::string begin : {"^/", "^"})
    if (pattern.starts_with(begin))
      return begin + scope.prefix() + pattern.substr(begin.size());
  return pattern;
}

void rename_each(std::vector<std::string>& values, const ScopeLookup::Find& find) {
  for (std::string& value : values)
    value = find(value).value_or(value);
}

}  // namespace

std::string scoped_filters(const std::string& written, const Scope& scope,
                           const ScopeLookup& lookup) {
  Filters filters = parse_filters(written);
  for (auto& [key, values] : filters) {
    if (key == "name")
      for (std::string& value : values)
        value = scoped_pattern(value, scope);
    else if (key == "network")
      rename_each(values, lookup.network);
    else if (key == "volume")
      rename_each(values, lookup.volume);
    else if (key == "ancestor" || key == "image")
      rename_each(values, lookup.image);
    else if (key == "container" || key == "before" || key == "since")
      rename_each(values, lookup.container);
  }
  filters["label"].push_back(scope.label());
  return json(filters).dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string scoped_image_filters(const std::string& written, const Scope& scope,
                                 const ScopeLookup& lookup) {
  if (written.empty())
    return written;
  Filters filters = parse_filters(written);
  for (const char* key : {"before", "since"})
    if (filters.contains(key))
      rename_each(filters[key], lookup.image);
  if (filters.contains("reference")) {
    const std::vector<std::string> references = filters["reference"];
    for (const std::string& reference : references)
      filters["reference"].push_back(scope.image_prefix() + reference);
  }
  return json(filters).dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace nestbox::docker
