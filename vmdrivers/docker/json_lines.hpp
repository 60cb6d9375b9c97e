#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace nestbox::docker {

/// Takes a stream of JSON documents, one a line, apart: an engine's events, and its news of a long
/// job.
class JsonLines {
public:
  /// Calls `sink` for each whole document. Throws Error(corrupt) for a line that is none, or is
  /// longer than 1 MiB.
  void feed(std::string_view bytes, const std::function<void(const nlohmann::json&)>& sink);
  /// The last line, if it has no end.
  void finish(const std::function<void(const nlohmann::json&)>& sink);

private:
  std::string m_rest;
};

}  // namespace nestbox::docker
