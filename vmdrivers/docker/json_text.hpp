#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace nestbox::docker {

/// The text that an object has there; empty when it has none, or is no object.
inline std::string text_at(const nlohmann::json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace nestbox::docker
