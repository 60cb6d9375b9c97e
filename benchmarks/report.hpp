#pragma once

#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace nestbox::bench {

/// What a measured value is held against.
struct Bar {
  enum class Side { at_most, at_least, within };
  Side side = Side::at_most;
  double limit = 0;
  double tolerance = 0;  ///< of `within`

  bool holds(double value) const;
  std::string text() const;  ///< "<=1.25", ">=30", "20+-2"
};

inline Bar at_most(double limit) {
  return {Bar::Side::at_most, limit};
}
inline Bar at_least(double limit) {
  return {Bar::Side::at_least, limit};
}
inline Bar within(double value, double tolerance) {
  return {Bar::Side::within, value, tolerance};
}

/// One promise and what was measured for it.
struct Row {
  std::string name = {};  ///< one word
  std::string unit = {};
  Bar bar = {};
  std::optional<double> value = {};  ///< nothing: could not be measured
  std::map<std::string, double> parts =
      {};                   ///< what the value was made from: medians, by name and unit
  std::string reason = {};  ///< why there is no value

  bool holds() const { return value && bar.holds(*value); }
};

/// The table's head and one line a row: `name value unit bar holds`, in columns.
std::string table_head();
std::string table_line(const Row& row);

/// Everything, version 1, for machines.
std::string to_json(const std::vector<Row>& rows, const std::map<std::string, std::string>& host);

}  // namespace nestbox::bench
