#pragma once

#include <functional>
#include <optional>
#include <string>

#include "harness/base/result.hpp"

namespace nestbox::libvirt {

/// Which daemon makes the machines.
struct LibvirtSettings {
  std::string uri;      ///< "qemu:///system", "qemu+unix:///session?socket=/run/libvirt-sock"
  bool system = false;  ///< root's daemon, which may run a QEMU as another user than its own

  bool operator==(const LibvirtSettings&) const = default;
};

/// What $NAME is, or nothing.
using Variables = std::function<std::optional<std::string>(const char* name)>;

/// LIBVIRT_DEFAULT_URI when it is set, else the system's daemon for root and the session's for
/// everybody else. Error(unsupported) for a URI that is no QEMU of this host.
Result<LibvirtSettings> read_settings(const Variables& variables, bool root);

}  // namespace nestbox::libvirt
