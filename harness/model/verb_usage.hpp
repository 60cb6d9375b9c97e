#pragma once

#include <string_view>
#include <vector>

namespace nestbox {

/// For help texts: one row a verb, in the order to show them. (No more than this is shared with
/// the client in a machine, which has neither exceptions nor the base library.)
struct VerbUsage {
  std::string_view name;  ///< "exec", "net set"
  std::string_view arguments;
  std::string_view summary;
};
const std::vector<VerbUsage>& verb_usages();

}  // namespace nestbox
