#pragma once

#include <filesystem>
#include <memory>

#include "harness/vm/transport.hpp"

namespace nestbox {

/// Runs commands on this very host, each as a whole process tree that ends with it (script mode).
/// Paths are host paths; thaw and quiesce do nothing, for nothing was frozen. `use_sudo` runs
/// commands through `sudo -n`, unless we are root already. From the first on_call on, commands find
/// in $NESTBOX_HOST_SOCKET the socket to call through: of our own user alone, and root.
std::unique_ptr<Transport> make_host_transport(bool use_sudo);

}  // namespace nestbox
