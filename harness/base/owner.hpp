#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "harness/base/result.hpp"

namespace nestbox {

/// Who made something that outlives its maker when that is killed: one process of one boot of one
/// host. Drivers label what they create with it, and `reap` ends what nobody owns any more.
struct Owner {
  uid_t user = 0;
  std::string boot_id;  ///< /proc/sys/kernel/random/boot_id
  pid_t process = 0;
  std::uint64_t start_time = 0;  ///< of the process, in clock ticks since the boot

  bool operator==(const Owner&) const = default;
};

/// This process. Throws Error(io) when /proc is not there.
Owner this_owner();

/// "1000@6f1c…:4711:988123": user, boot, process and start time.
std::string to_string(const Owner& owner);

/// Error(corrupt) for whatever to_string did not write.
Result<Owner> parse_owner(std::string_view text);

enum class OwnerState {
  alive,
  dead,     ///< of this boot, and gone
  unknown,  ///< of another host, or of this one before it was booted anew
};

OwnerState state_of(const Owner& owner);

/// The label, or tag, that holds it on everything a driver creates, and the one that says so.
inline constexpr const char* k_owner_label = "nestbox.owner";
inline constexpr const char* k_ours_label = "nestbox";  ///< its value is "1"

}  // namespace nestbox
