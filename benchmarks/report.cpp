#include "benchmarks/report.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace nestbox::bench {

namespace {

constexpr auto k_columns = "{:<28} {:>10} {:<4} {:<8} {}";

}  // namespace

bool Bar::holds(double value) const {
  switch (side) {
  case Side::at_most:
    return value <= limit;
  case Side::at_least:
    return value >= limit;
  case Side::within:
    return std::abs(value - limit) <= tolerance;
  }
  return false;
}

std::string Bar::text() const {
  switch (side) {
  case Side::at_most:
    return fmt::format("<={:g}", limit);
  case Side::at_least:
    return fmt::format(">={:g}", limit);
  case Side::within:
    return fmt::format("{:g}+-{:g}", limit, tolerance);
  }
  return {};
}

std::string table_head() {
  return fmt::format(k_columns, "name", "value", "unit", "bar", "holds");
}

std::string table_line(const Row& row) {
  return fmt::format(k_columns, row.name, row.value ? fmt::format("{:.2f}", *row.value) : "-",
                     row.unit, row.bar.text(), row.holds() ? "yes" : "no");
}

std::string to_json(const std::vector<Row>& rows, const std::map<std::string, std::string>& host) {
  nlohmann::ordered_json document = {{"version", 1}, {"host", host}};
  document["rows"] = nlohmann::ordered_json::array();
  for (const Row& row : rows) {
    nlohmann::ordered_json entry = {{"name", row.name}};
    entry["value"] =
        row.value ? nlohmann::ordered_json(*row.value) : nlohmann::ordered_json(nullptr);
    entry["unit"] = row.unit;
    entry["bar"] = row.bar.text();
    entry["holds"] = row.holds();
    entry["parts"] = row.parts;
    if (!row.reason.empty())
      entry["reason"] = row.reason;
    document["rows"].push_back(std::move(entry));
  }
  return document.dump(2) + "\n";
}

}  // namespace nestbox::bench
