#include "vmdrivers/docker/json_lines.hpp"

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"

namespace nestbox::docker {
namespace {

using nlohmann::json;

constexpr std::size_t k_line_limit = 1 << 20;

void take(std::string_view line, const std::function<void(const json&)>& sink) {
  if (trim(line).empty())
    return;
  const json document = json::parse(line, nullptr, false);
  if (document.is_discarded())
    throw Error(ErrorCode::corrupt, "the container engine sent a line that is no JSON");
  sink(document);
}

}  // namespace

void JsonLines::feed(std::string_view bytes, const std::function<void(const json&)>& sink) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    m_rest += bytes.substr(0, end);
    if (m_rest.size() > k_line_limit)
      throw Error(ErrorCode::corrupt, "the container engine sent a line longer than 1 MiB");
    if (end == bytes.npos)
      return;
    const std::string line = std::exchange(m_rest, {});
    bytes.remove_prefix(end + 1);
    take(line, sink);
  }
}

void JsonLines::finish(const std::function<void(const json&)>& sink) {
  take(std::exchange(m_rest, {}), sink);
}

}  // namespace nestbox::docker
