#include "harness/base/pipe.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "harness/base/error.hpp"

namespace nestbox {

Pipe::Pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw system_error("cannot make a pipe", errno);
  reading = FileDescriptor(ends[0]);
  writing = FileDescriptor(ends[1]);
}

}  // namespace nestbox
