#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "harness/vm/driver.hpp"

namespace nestbox {

/// Where the accelerator may come from.
enum class AcceleratorPolicy {
  require,  ///< hardware or an error
  prefer,   ///< hardware when a probe guest proves that it works
  never,    ///< emulation
};

/// What every driver is made from.
struct DriverSettings {
  AcceleratorPolicy accelerator = AcceleratorPolicy::prefer;
  /// A kernel and initramfs (agent inside, tiny) that the QEMU driver boots as its probe guest;
  /// called at most once.
  std::function<std::pair<std::filesystem::path, std::filesystem::path>()> probe_guest;
  bool use_sudo = false;  ///< the local driver runs commands through `sudo -n`; others ignore it
};

/// What one more machine of a driver takes, the least first.
enum class Cost {
  nothing,    ///< a directory on this host
  container,  ///< processes of this host's kernel
  guest,      ///< a virtual machine on this host
  host,       ///< another host, all of it
  money,      ///< a machine that somebody rents
};

/// The drivers by name, in the order of preference. Filled by vmdrivers/register_drivers at the
/// program's root.
class DriverRegistry {
public:
  using Factory = std::function<std::unique_ptr<Driver>(const DriverSettings&)>;

  void add(std::string name, Factory factory, Cost cost = Cost::guest);
  std::vector<std::string> names() const;
  /// Those that cost this.
  std::vector<std::string> names(Cost cost) const;

  /// Throws Error(usage) with "did you mean" for an unknown name.
  std::unique_ptr<Driver> make(const std::string& name, const DriverSettings& settings) const;

private:
  struct Entry {
    std::string name;
    Factory factory;
    Cost cost;
  };
  std::vector<Entry> m_entries;
};

}  // namespace nestbox
