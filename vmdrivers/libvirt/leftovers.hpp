#pragma once

#include <vector>

#include "harness/vm/driver.hpp"
#include "vmdrivers/libvirt/handle.hpp"

namespace nestbox::libvirt {

/// Whether nobody owns a domain any more that bears this owner, and we may end it: root ends
/// everybody's, others their own.
bool is_left(const std::string& owner);

/// As Driver::reap. libvirt ends what it knows to be ours when our connection ends; a daemon that
/// was itself started anew in between no longer knows.
std::vector<Leftover> reap_domains(Connection& connection, bool dry_run);

}  // namespace nestbox::libvirt
