#pragma once

#include <string>

#include "harness/guest/powershell_script.hpp"

namespace nestbox::test {

/// For SshServer: a stand-in for the shell of a Windows machine (tests/support/windows), whose
/// drive C: is the directory "c" in the server's home.
std::string windows_shell(WindowsShell shell);

}  // namespace nestbox::test
