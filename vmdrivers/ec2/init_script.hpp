#pragma once

#include <string>

#include "harness/base/units.hpp"
#include "vmdrivers/ec2/settings.hpp"

namespace nestbox::ec2 {

/// How large the user data of an instance may be.
inline constexpr Bytes k_user_data_limit = kibibytes(16);

/// The user data of each instance. Its own script ends the machine when its time to live has passed
/// since it booted, whatever becomes of nestbox, and with `shutdown` terminating it; what the
/// settings add (`user_data`) comes after that. Windows' is PowerShell: whenever the machine boots,
/// it lets the key in that the machine was launched with, and only then anybody to the ssh server.
/// Source: the Amazon EC2 user guide, "Run commands when you launch an EC2 instance"; cloud-init's
/// reference, "Scripts Per Boot", "User-data formats"; Microsoft's "Key-based authentication in
/// OpenSSH for Windows".
std::string init_script(const Settings& settings);

}  // namespace nestbox::ec2
