#pragma once

#include <string>

#include "harness/guest/verb_protocol.hpp"

namespace nestbox {

/// Has the host that listens at `socket_path` do a verb: hands it this process's stdin when the
/// call says so, writes what comes to stdout and stderr, and returns its exit code; 125, with a
/// line on stderr, when the host is not there, hangs up early or speaks another language. Blocks.
/// To cancel, end this process. No exceptions, no threads.
int call_host(const std::string& socket_path, const VerbCall& call);

/// `nestbox VERB ARGUMENTS…` as a program of a test runs it: at $NESTBOX_HOST_SOCKET or
/// /run/nestbox/host.sock. Without arguments, or with --help, it says what it can do.
int verb_main(int argc, char** argv);

}  // namespace nestbox
