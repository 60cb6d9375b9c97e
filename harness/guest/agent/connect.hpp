#pragma once

namespace nestbox::agent {

/// `nestbox --connect ADDRESS PORT`: a TCP connection to an IPv4 address as this machine sees it,
/// on stdin and stdout: either end may be the first to have said all. 0 once the other side has; 1,
/// after a line on stderr, when there is none.
int connect_to(const char* address, const char* port);

}  // namespace nestbox::agent
