#include "harness/env/capture_board.hpp"

#include <utility>

namespace nestbox {

void CaptureBoard::add(const Link& link, Destination destination) {
  const std::lock_guard lock(m_mutex);
  m_captures.erase(link);
  m_captures.emplace(link, std::move(destination));
}

std::optional<CaptureBoard::Destination> CaptureBoard::take(const Link& link) {
  const std::lock_guard lock(m_mutex);
  auto node = m_captures.extract(link);
  if (node.empty())
    return std::nullopt;
  return std::move(node.mapped());
}

std::vector<CaptureBoard::Link> CaptureBoard::links() const {
  const std::lock_guard lock(m_mutex);
  std::vector<Link> links;
  for (const auto& [link, destination] : m_captures)
    links.push_back(link);
  return links;
}

}  // namespace nestbox
