#pragma once

/// What the agent's `--lease` and whoever starts it agree on.
namespace nestbox {

/// How the agent ends, its stderr naming the holder, when somebody else has the lease (EX_TEMPFAIL
/// of sysexits.h).
inline constexpr int k_leased_exit_code = 75;

/// How it ends, its stderr saying why, when there can be no workspace (EX_CANTCREAT).
inline constexpr int k_no_workspace_exit_code = 73;

/// The variable in which commands find their workspace, an absolute path.
inline constexpr char k_workspace_variable[] = "NESTBOX_WORKSPACE";

}  // namespace nestbox
