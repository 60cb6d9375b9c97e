#include "harness/vm/driver_registry.hpp"

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"

namespace nestbox {

void DriverRegistry::add(std::string name, Factory factory) {
  m_factories.emplace_back(std::move(name), std::move(factory));
}

std::vector<std::string> DriverRegistry::names() const {
  std::vector<std::string> names;
  for (const auto& [name, factory] : m_factories)
    names.push_back(name);
  return names;
}

std::unique_ptr<Driver> DriverRegistry::make(const std::string& name,
                                             const DriverSettings& settings) const {
  for (const auto& [known, factory] : m_factories) {
    if (known == name)
      return factory(settings);
  }
  const std::string near = did_you_mean(name, names());
  throw Error(ErrorCode::usage, "unknown driver '" + name + "'",
              near.empty() ? "the drivers are " + join(names(), ", ") : near);
}

}  // namespace nestbox
