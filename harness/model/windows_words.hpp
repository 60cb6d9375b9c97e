#pragma once

#include <string>
#include <string_view>
#include <vector>

/// What tells tests for Windows from others, and how they are written.
namespace nestbox {

/// A script that Windows runs by its name: *.ps1, *.cmd, *.bat.
bool is_windows_script(std::string_view name);

/// What gives a text to Windows PowerShell: its exit code is what `exit` says, else 1 when the last
/// command failed.
std::vector<std::string> powershell_argv(std::string text);

}  // namespace nestbox
