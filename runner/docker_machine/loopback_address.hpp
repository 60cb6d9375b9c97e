#pragma once

#include <string>

#include "harness/base/scope.hpp"

namespace nestbox {

/// An address of this host's loopback, 127.90.0.0/16, that is this object's alone among all of its
/// kind, whoever on the host has them.
class LoopbackAddress {
public:
  /// Throws Error(io), Error(infrastructure) when all seem to be taken.
  LoopbackAddress();

  const std::string& text() const { return m_text; }

private:
  std::string m_text;
  FileDescriptor m_claim;
};

}  // namespace nestbox
