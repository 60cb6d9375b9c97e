#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "harness/base/clock.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/units.hpp"

namespace nestbox {

/// One entry of the cache, in use: its files stay while this lives (a shared lock against garbage
/// collection).
class Layer {
public:
  Layer(std::string key, std::string content, fs::path directory, FileLock lease);

  const std::string& key() const noexcept { return m_key; }
  /// Hash of its files; part of the key of whatever is made from this layer.
  const std::string& content() const noexcept { return m_content; }
  const fs::path& directory() const noexcept { return m_directory; }

private:
  std::string m_key;
  std::string m_content;
  fs::path m_directory;
  FileLock m_lease;
};

struct LayerInfo {
  std::string key;
  std::string kind;         ///< "kernel", "initramfs", "rootfs", "disk", "seed", "live"
  std::string description;  ///< for a person: "debian:bookworm + iproute2 nftables"
  Bytes size;               ///< on disk, holes not counted
  std::chrono::system_clock::time_point last_used;
};

/// The content-addressed store of layers below one root, shared by every process of one user.
/// Entries are built in a staging directory and published by rename after fsync; one builder a key,
/// the others wait and then share its result. An entry whose files are not what they were when
/// published (size or any bit) is set aside, rebuilt and reported by log(warning). Safe against
/// kill -9 at any instant: stale staging is swept at the next start.
class LayerCache {
public:
  explicit LayerCache(const fs::path& root);

  /// The layer, when there is a sound one. Cheap: files are hashed in full once a boot, else
  /// compared by what stat(2) says of them.
  std::optional<Layer> find(const std::string& key);

  const fs::path& root() const noexcept { return m_root; }

  struct Recipe {
    std::string key;  ///< hash of all that goes in
    std::string kind;
    std::string description;
    std::function<void(const fs::path& staging)> build{};  ///< fills the empty directory
  };

  /// The layer, built first when absent. Throws what `build` throws; nothing half-made is left
  /// then.
  Layer find_or_build(const Recipe& recipe, const CancelToken& cancel);

  /// Somewhere else that layers may come from: fills the empty directory and says true, or says
  /// false when it has no such layer. What it throws is thrown by find_or_build.
  using Source = std::function<bool(const std::string& key, const fs::path& staging)>;

  /// Asked, from here on, for each layer that is absent, before it is built. Not while others use
  /// the cache.
  void set_source(Source source) { m_source = std::move(source); }

  /// The keys of the layers that find_or_build has given, each once, in order of their first use.
  std::vector<std::string> used() const;

  /// From here on find_or_build makes each layer once more, and the new one takes the old one's
  /// place when it is whole. What reads the old one keeps its open files.
  void renew() { m_renewing = true; }

  void drop(const std::string&
                key);  ///< no-op when absent; waits for nobody, readers keep their open files
  std::vector<LayerInfo> list() const;

  /// Removes entries least recently used first until all others fit in `keep`; entries in use stay.
  /// What is left of dropped ones goes, too. What it freed.
  Bytes collect_garbage(Bytes keep);

  /// Hashes every entry in full; the keys of those that were unsound (and are set aside now).
  std::vector<std::string> verify();

private:
  std::optional<Layer> sound_layer(const std::string& key);
  void set_aside_if_unsound(const std::string& key);
  bool is_to_be_renewed(const std::string& key);
  void note_use(const std::string& key);

  fs::path m_root;
  Source m_source;
  std::atomic<bool> m_renewing = false;
  mutable std::mutex m_mutex;
  std::set<std::string> m_renewed;  ///< guarded by m_mutex
  std::vector<std::string> m_used;  ///< guarded by m_mutex
};

}  // namespace nestbox
