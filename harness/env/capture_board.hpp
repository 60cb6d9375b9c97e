#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/filesystem.hpp"

namespace nestbox {

/// The captures under way on a world's links. Any thread.
class CaptureBoard {
public:
  struct Link {
    std::string network;
    std::string machine;
    auto operator<=>(const Link&) const = default;
  };

  /// Where a capture goes when it has ended.
  struct Destination {
    std::string machine{};                       ///< empty: it is written where it stays
    fs::path path{};                             ///< in the machine
    std::optional<TemporaryDirectory> folder{};  ///< holds it until then, under the path's name
  };

  /// In the place of the link's former one.
  void add(const Link& link, Destination destination);

  /// The link's capture, off the board; nothing when there is none.
  std::optional<Destination> take(const Link& link);

  std::vector<Link> links() const;

private:
  mutable std::mutex m_mutex;
  std::map<Link, Destination> m_captures;
};

}  // namespace nestbox
