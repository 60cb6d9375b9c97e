#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nestbox::docker {

/// "a b/c" of "a%20b%2Fc"; a '%' that begins nothing stays. '+' stays, for it is a path's.
std::string unescaped(std::string_view text);

/// The query of a request's target, taken apart: pairs in their order, a name perhaps many times.
class Query {
public:
  explicit Query(std::string_view target);

  /// The first of that name; empty when there is none.
  std::string get(const std::string& name) const;
  /// In the place of all of that name.
  void set(const std::string& name, std::string value);
  void add(const std::string& name, std::string value);
  /// All values of that name.
  std::vector<std::reference_wrapper<std::string>> all(const std::string& name);
  /// "?a=b&c=d", escaped; empty without pairs.
  std::string text() const;

private:
  std::vector<std::pair<std::string, std::string>> m_pairs;
};

}  // namespace nestbox::docker
