#pragma once

#include "harness/base/scope.hpp"

namespace nestbox {

/// Both ends of a new pipe, close-on-exec. Throws Error(io) when there is no descriptor left.
struct Pipe {
  Pipe();

  FileDescriptor reading;
  FileDescriptor writing;
};

}  // namespace nestbox
