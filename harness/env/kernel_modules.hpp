#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace nestbox {

/// depmod's modules.dep: which module files need which others.
class KernelModules {
public:
  /// Bounded by the text; lines that are not `file: files…` are left out.
  explicit KernelModules(std::string_view modules_dep);

  /// The files ("kernel/net/bridge/bridge.ko") of these modules and of all they need, each once,
  /// after those it needs. Names without a file are left out: they are built in, or this kernel
  /// does not have them.
  std::vector<std::string> load_order(const std::vector<std::string>& names) const;

private:
  void add(const std::string& file, std::vector<std::string>& order) const;

  std::map<std::string, std::vector<std::string>> m_needs;  ///< by file
  std::map<std::string, std::string> m_files;               ///< by name, '-' written '_'
};

}  // namespace nestbox
