#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.hpp"

namespace nestbox::aws {

/// One element of a service's reply. Names come without their namespace, attributes are not kept:
/// the services put nothing in them.
struct XmlElement {
  std::string name;
  std::string text;  ///< of its own, all pieces joined
  std::vector<XmlElement> children;

  /// The first child of this name, or nullptr.
  const XmlElement* find(std::string_view child) const;
  /// The text of what lies at "instanceState/name" below this; empty when there is no such thing.
  std::string at(std::string_view path) const;
  /// The children of the first child of this name: "instancesSet" holds its items. Empty when
  /// there is none.
  const std::vector<XmlElement>& items(std::string_view child) const;
};

inline constexpr std::size_t k_xml_depth = 32;
inline constexpr std::size_t k_xml_elements = 200'000;

/// Error(corrupt) for what is no XML, nests deeper than k_xml_depth, holds more than
/// k_xml_elements elements, or declares entities.
Result<XmlElement> parse_xml(std::string_view text);

}  // namespace nestbox::aws
