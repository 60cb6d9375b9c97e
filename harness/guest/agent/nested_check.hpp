#pragma once

namespace nestbox::agent {

/// `nestbox --check-nested`: whether programs in this machine can use hardware virtualisation:
/// makes a virtual machine with one processor on /dev/kvm. 0, or 1 after a line on stdout that says
/// why not.
int check_nested();

}  // namespace nestbox::agent
