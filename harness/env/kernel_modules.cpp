#include "harness/env/kernel_modules.hpp"

#include <algorithm>

#include "harness/base/text.hpp"

namespace nestbox {
namespace {

std::string canonical(std::string name) {
  std::ranges::replace(name, '-', '_');
  return name;
}

std::string module_name(const std::string& file) {
  const std::size_t start = file.rfind('/') == std::string::npos ? 0 : file.rfind('/') + 1;
  return canonical(file.substr(start, file.find('.', start) - start));
}

}  // namespace

KernelModules::KernelModules(std::string_view modules_dep) {
  for (const std::string& line : split(modules_dep, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos)
      continue;
    const std::string file = line.substr(0, colon);
    m_files.emplace(module_name(file), file);
    std::vector<std::string>& needs = m_needs[file];
    for (const std::string& need : split(line.substr(colon + 1), ' '))
      if (!need.empty())
        needs.push_back(need);
    std::ranges::reverse(needs);  // depmod writes the first to load last
  }
}

std::vector<std::string> KernelModules::load_order(const std::vector<std::string>& names) const {
  std::vector<std::string> order;
  for (const std::string& name : names)
    if (const auto file = m_files.find(canonical(name)); file != m_files.end())
      add(file->second, order);
  return order;
}

void KernelModules::add(const std::string& file, std::vector<std::string>& order) const {
  // modules.dep lists the needs of the needs as well: no recursion, so a cycle cannot hang us.
  if (const auto needs = m_needs.find(file); needs != m_needs.end())
    for (const std::string& need : needs->second)
      if (std::ranges::find(order, need) == order.end())
        order.push_back(need);
  if (std::ranges::find(order, file) == order.end())
    order.push_back(file);
}

}  // namespace nestbox
