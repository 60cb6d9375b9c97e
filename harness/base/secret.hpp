#pragma once

#include <ostream>
#include <string>
#include <utility>

namespace nestbox {

/// A password, key or token. It prints as "***" and goes into no text by accident: who needs what
/// it holds says so.
class Secret {
public:
  Secret() = default;
  explicit Secret(std::string text) : m_text(std::move(text)) {}

  const std::string& reveal() const noexcept { return m_text; }
  bool empty() const noexcept { return m_text.empty(); }
  bool operator==(const Secret&) const = default;

  friend std::ostream& operator<<(std::ostream& out, const Secret&) { return out << "***"; }

private:
  std::string m_text;
};

}  // namespace nestbox
