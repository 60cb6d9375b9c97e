#include "vmdrivers/libvirt/leftovers.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "harness/base/owner.hpp"
#include "harness/base/result.hpp"

namespace nestbox::libvirt {

bool is_left(const std::string& owner) {
  const Result<Owner> parsed = parse_owner(owner);
  if (!parsed || (::getuid() != 0 && parsed->user != ::getuid()))
    return false;
  // A daemon's domains are of this host: an owner of another boot is as gone as one that has ended.
  return state_of(*parsed) != OwnerState::alive;
}

std::vector<Leftover> reap_domains(Connection& connection, bool dry_run) {
  std::vector<Leftover> leftovers;
  for (const LeftDomain& domain : connection.ours()) {
    if (!is_left(domain.owner))
      continue;
    Leftover leftover{.what = fmt::format("domain '{}' (machine '{}')", domain.name, domain.title),
                      .owner = domain.owner};
    if (!dry_run)
      if (const Result<void> ended = catch_error([&] { connection.destroy(domain); }); !ended)
        leftover.failed = ended.error().message;
    leftovers.push_back(std::move(leftover));
  }
  return leftovers;
}

}  // namespace nestbox::libvirt
