#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/clock.hpp"
#include "harness/base/filesystem.hpp"

namespace nestbox::ssh {

/// Which hosts this user's processes on this computer have in use: a lock file each, so that nobody
/// calls at a host in vain and all wait for the next that becomes free, also by kill -9. Any
/// thread.
class HostPool {
public:
  /// A host that is ours; dropping it gives it back.
  class [[nodiscard]] Lease {
  public:
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&&) = delete;
    ~Lease();

    const std::string& host() const { return m_host; }

  private:
    friend class HostPool;
    Lease(fs::path directory, std::string host, FileLock lock);

    fs::path m_directory;
    std::string m_host;
    std::optional<FileLock> m_lock;
  };

  /// The locks lie in `directory`, which is made when absent. Throws Error(io).
  explicit HostPool(fs::path directory);

  /// The first of `hosts` that is free, or that becomes free. Error(timeout), Error(cancelled).
  Lease take(const std::vector<std::string>& hosts, Deadline deadline, const CancelToken& cancel);

private:
  std::optional<Lease> try_take(const std::vector<std::string>& hosts);

  fs::path m_directory;
};

}  // namespace nestbox::ssh
