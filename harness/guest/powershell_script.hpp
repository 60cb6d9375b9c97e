#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "harness/vm/transport.hpp"

/// What is said to a Windows machine: scripts for Windows PowerShell 5.1, and the command line that
/// starts one; all pure.
///
/// The command line is always the same and short (cmd.exe takes 8,191 characters): what it encodes
/// reads the script itself from stdin, so that neither the length nor the content of commands and
/// variables matters, and no secret is on a command line there. The rest of stdin belongs to the
/// command. Before anything else a script's stdout says "nestbox PID\r\n": the process whose tree
/// is ended when the command is.
/// Sources: about_PowerShell_exe, about_Quoting_Rules, CommandLineToArgvW.
namespace nestbox {

/// What runs the command lines that the machine's ssh server is given.
enum class WindowsShell {
  cmd,         ///< as Windows comes
  powershell,  ///< where DefaultShell of HKLM\\SOFTWARE\\OpenSSH says so
};

/// A command line that each shell answers in a way of its own: a Unix one with a number.
inline constexpr const char* k_which_shell = "echo $?";

/// How a script ends that did not come whole.
inline constexpr int k_no_script_exit_code = 98;

/// The literal of a text: in single quotes, whatever counts as one of these doubled.
std::string powershell_quote(std::string_view text);

/// Arguments as CommandLineToArgvW and the C runtime take them apart.
std::string windows_command_line(const std::vector<std::string>& arguments);

/// With '\\' for '/'.
std::string windows_path(std::string path);

/// Starts PowerShell with a script of `size` bytes on stdin.
std::string powershell_command_line(WindowsShell shell, std::size_t size);

/// Ends the process and all that it started and that those did. No script, for it must be quick.
std::string end_tree_command_line(unsigned process);

/// Where a lease keeps its things, for scripts of commands under it.
struct WindowsLease {
  std::string workspace;  ///< "C:\nestbox\workspace"
  std::string commands;   ///< "C:\nestbox\commands": a file for each command that runs
};

/// Takes the lease of `directory` (absolute, or below the user's home) for `holder`, says the path
/// of an empty workspace, and holds it until its stdin ends; then ends the commands that still run
/// and removes the workspace. Ends with lease_terms.hpp's codes.
std::string lease_script(const std::string& directory, const std::string& holder);

/// Runs a program as the transport promises: exit codes 126 and 127 as a POSIX shell has them.
/// Scripts run, too: *.ps1 by PowerShell, *.cmd and *.bat by cmd.exe.
std::string run_script(const WindowsLease& lease, const Command& command);

/// Unpacks a tar archive from stdin into `directory`, which is made when absent.
std::string unpack_script(const WindowsLease& lease, const std::string& directory);

/// Packs `path` (its last part and all below) into a tar archive on stdout; nothing when it is not
/// there.
std::string pack_script(const WindowsLease& lease, const std::string& path);

/// The last part of a path.
std::string windows_name(const std::string& path);

}  // namespace nestbox
