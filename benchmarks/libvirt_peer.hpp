#pragma once

#include <optional>

#include "harness/base/subprocess.hpp"

namespace nestbox::bench {

/// A libvirtd of our own, which LIBVIRT_DEFAULT_URI names as long as this lives; nothing of the
/// host's own libvirt touched.
class LibvirtPeer {
public:
  LibvirtPeer();
  ~LibvirtPeer();
  LibvirtPeer(const LibvirtPeer&) = delete;

private:
  FileDescriptor m_input;  ///< it ends when this does
  std::optional<Process> m_daemon;
};

}  // namespace nestbox::bench
