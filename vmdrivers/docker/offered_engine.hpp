#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/base/filesystem.hpp"
#include "harness/vm/driver.hpp"
#include "vmdrivers/docker/scoped_socket.hpp"

namespace nestbox::docker {

/// A scoped socket, on its way into a container.
class OfferedEngine {
public:
  OfferedEngine(Engine& engine, Scope scope);

  const fs::path& path() const noexcept { return m_path; }
  ScopedSocket& socket() noexcept { return m_socket; }
  /// Once it is mounted there nobody needs it here.
  void hide() { m_directory.reset(); }

private:
  std::optional<TemporaryDirectory> m_directory;
  fs::path m_path;
  ScopedSocket m_socket;
};

/// As Driver::reap: those that a nestbox left which was killed before it could hide them.
std::vector<Leftover> reap_offered_engines(bool dry_run);

}  // namespace nestbox::docker
