#pragma once

#include <string>

namespace nestbox {

/// A Go template over a JSON document, as far as docker-machine's `-f` is used: text,
/// {{.Field.Field}}, {{json .Field}} and {{prettyjson .Field}}; "." is all. Error(usage).
std::string expand_template(const std::string& json, const std::string& text);

}  // namespace nestbox
