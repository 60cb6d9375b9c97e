#include "benchmarks/libvirt_peer.hpp"

#include <unistd.h>

#include <array>
#include <cstdlib>

#include "harness/base/error.hpp"
#include "harness/base/pipe.hpp"
#include "harness/base/text.hpp"

namespace nestbox::bench {

LibvirtPeer::LibvirtPeer() {
  Pipe input;
  Pipe output;
  ProcessSpec spec;
  spec.argv = {NESTBOX_WITH_LIBVIRTD, "/bin/sh", "-c", "echo \"$LIBVIRT_DEFAULT_URI\"; cat"};
  spec.descriptors = {{0, input.reading.get()}, {1, output.writing.get()}, {2, STDERR_FILENO}};
  spec.whole_tree = true;
  m_daemon = Process::spawn(spec);
  m_input = std::move(input.writing);
  output.writing.close();
  std::array<char, 1024> buffer;
  const ssize_t count = ::read(output.reading.get(), buffer.data(), buffer.size());
  if (count <= 0)
    throw Error(ErrorCode::unsupported, "a libvirtd of our own does not start",
                "apt-get install libvirt-daemon");
  const std::string uri(trim({buffer.data(), static_cast<std::size_t>(count)}));
  ::setenv("LIBVIRT_DEFAULT_URI", uri.c_str(), 1);
}

LibvirtPeer::~LibvirtPeer() {
  ::unsetenv("LIBVIRT_DEFAULT_URI");
  m_input.close();
  if (m_daemon)
    m_daemon->wait(Deadline::after(std::chrono::seconds(60)));
}

}  // namespace nestbox::bench
