#pragma once

#include "harness/base/scope.hpp"

namespace nestbox {

/// Two connected stream sockets, close-on-exec. Throws Error(io) when there is no descriptor left.
struct SocketPair {
  SocketPair();

  FileDescriptor ours;
  FileDescriptor theirs;
};

}  // namespace nestbox
