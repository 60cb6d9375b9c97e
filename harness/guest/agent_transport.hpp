#pragma once

#include <memory>
#include <string_view>

#include "harness/base/scope.hpp"
#include "harness/vm/transport.hpp"

namespace nestbox {

/// Speaks agent_protocol over one connected stream socket (the host end of the machine's
/// virtio-serial port). Owns the socket and one reader thread; ends both when dropped. See
/// agent_protocol.hpp for the frames.
std::unique_ptr<Transport> make_agent_transport(FileDescriptor socket);

/// The static x86-64 ELF of the guest agent, embedded in this program at build time.
std::string_view agent_binary();

/// SHA-256 of agent_binary(), known at build time.
std::string_view agent_digest();

}  // namespace nestbox
