#include "harness/vm/driver_registry.hpp"

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"

namespace nestbox {

void DriverRegistry::add(std::string name, Factory factory, Cost cost) {
  m_entries.push_back({std::move(name), std::move(factory), cost});
}

std::vector<std::string> DriverRegistry::names() const {
  std::vector<std::string> names;
  for (const Entry& entry : m_entries)
    names.push_back(entry.name);
  return names;
}

std::vector<std::string> DriverRegistry::names(Cost cost) const {
  std::vector<std::string> names;
  for (const Entry& entry : m_entries)
    if (entry.cost == cost)
      names.push_back(entry.name);
  return names;
}

std::unique_ptr<Driver> DriverRegistry::make(const std::string& name,
                                             const DriverSettings& settings) const {
  for (const Entry& entry : m_entries)
    if (entry.name == name)
      return entry.factory(settings);
  const std::string near = did_you_mean(name, names());
  throw Error(ErrorCode::usage, "unknown driver '" + name + "'",
              near.empty() ? "the drivers are " + join(names(), ", ") : near);
}

}  // namespace nestbox
