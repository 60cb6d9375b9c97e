#include "harness/env/layer_cache.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include <algorithm>
#include <random>
#include <thread>

#include "harness/base/log.hpp"
#include "harness/env/build_namespace.hpp"
#include "harness/env/layer_manifest.hpp"
#include "harness/vm/snapshot.hpp"

// Below the root:
//
// - layers/KEY/: one published entry: its files and layer.json
// - staging/KEY.XXXX/: being built, or being removed; stale once nobody holds locks/KEY.build
// - locks/KEY: shared by users, exclusive for removal; its modification time is the last use
// - locks/KEY.build: exclusive for the one builder
// - verified/KEY: the fingerprint of the files at their last full check
// - broken/KEY.XXXX/: unsound entries, the latest few, for a person to look at

namespace nestbox {
namespace {

constexpr std::size_t k_broken_kept = 3;
constexpr Bytes k_fingerprint_limit = mebibytes(16);

void check_key(const std::string& key) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  if (key.empty() || key.size() > 128 || !std::ranges::all_of(key, allowed))
    throw Error(ErrorCode::usage, fmt::format("'{}' is not the key of a layer", key));
}

fs::path entry_path(const fs::path& root, const std::string& key) {
  return root / k_layers_folder / key;
}
fs::path use_lock(const fs::path& root, const std::string& key) {
  return root / "locks" / key;
}
fs::path build_lock(const fs::path& root, const std::string& key) {
  return root / "locks" / (key + ".build");
}
fs::path fingerprint_path(const fs::path& root, const std::string& key) {
  return root / "verified" / key;
}

fs::path unique_path(const fs::path& root, const char* folder, const std::string& key) {
  std::random_device random;
  return root / folder / fmt::format("{}.{:08x}{:08x}", key, random(), random());
}

std::vector<std::string> entries(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error))
    names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

void touch(const fs::path& path) {
  ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0);
}

/// Moves the entry out of sight in one step, then deletes it; a death in between leaves a stale
/// staging directory.
void remove_entry(const fs::path& root, const std::string& key) {
  const fs::path doomed = unique_path(root, "staging", key);
  std::error_code error;
  fs::remove(fingerprint_path(root, key), error);
  fs::rename(entry_path(root, key), doomed, error);
  remove_build_tree(doomed);
}

void set_aside(const fs::path& root, const std::string& key, const Error& why) {
  log(LogLevel::warning, fmt::format("cached layer '{}' is damaged and set aside: {}",
                                     key.substr(0, 12), why.message));
  std::error_code error;
  fs::remove(fingerprint_path(root, key), error);
  const fs::path destination = unique_path(root, "broken", key);
  fs::rename(entry_path(root, key), destination, error);
  touch(destination);
  std::vector<fs::path> broken;
  for (const std::string& name : entries(root / "broken"))
    broken.push_back(root / "broken" / name);
  std::ranges::sort(broken, std::greater(), [](const fs::path& path) {
    std::error_code ignored;
    return fs::last_write_time(path, ignored);
  });
  for (std::size_t i = k_broken_kept; i < broken.size(); ++i)
    remove_build_tree(broken[i]);
}

/// Sound if nothing was touched since the last full check in this boot, or if a full check
/// (recorded then) says so.
Result<LayerManifest> check_entry(const fs::path& root, const std::string& key) {
  const fs::path directory = entry_path(root, key);
  const fs::path recorded = fingerprint_path(root, key);
  const Result<LayerManifest> manifest = read_manifest(directory);
  if (!manifest)
    return manifest;
  // Taken before the files are read: a change meanwhile makes the next check a full one.
  const Result<std::string> fingerprint = layer_fingerprint(directory, *manifest);
  if (!fingerprint)
    return fail(fingerprint.error());
  const Result<std::string> last =
      catch_error([&] { return read_file(recorded, k_fingerprint_limit); });
  if (last && !fingerprint->empty() && *last == *fingerprint)
    return manifest;
  if (const Result<void> verified = verify_layer(directory, *manifest); !verified)
    return fail(verified.error());
  if (!fingerprint->empty())
    write_file_atomically(recorded, *fingerprint);
  return manifest;
}

/// flock(2) cannot be waited for together with anything else, so a thread waits for it. When
/// cancelled that thread stays behind until the lock is free (or the program ends) and gives it
/// back.
FileLock wait_for_lock(const fs::path& path, const std::string& description,
                       const CancelToken& cancel) {
  if (std::optional<FileLock> lock = FileLock::try_acquire(path, FileLock::Mode::exclusive))
    return std::move(*lock);
  log(LogLevel::info, fmt::format("waiting for another run that builds '{}'", description));
  struct Waiter {
    FileDescriptor done{::eventfd(0, EFD_CLOEXEC)};
    std::optional<Result<FileLock>> outcome;
  };
  auto waiter = std::make_shared<Waiter>();
  std::thread([waiter, path] {
    waiter->outcome =
        catch_error([&] { return FileLock::acquire(path, FileLock::Mode::exclusive); });
    ::eventfd_write(waiter->done.get(), 1);
  }).detach();
  if (wait_readable(waiter->done.get(), Deadline::never(), cancel) == Wait::cancelled)
    cancel.throw_if_cancelled();
  eventfd_t ignored = 0;
  ::eventfd_read(waiter->done.get(), &ignored);
  return value_or_throw(std::move(*waiter->outcome));
}

void sweep_staging(const fs::path& root, const std::string& key) {
  for (const std::string& name : entries(root / "staging"))
    if (name.substr(0, name.find('.')) == key)
      remove_build_tree(root / "staging" / name);
}

/// Of keys that are neither cached nor being built: what they locked is gone.
void sweep_locks(const fs::path& root) {
  for (const std::string& name : entries(root / "locks"))
    if (const fs::path lock = root / "locks" / name;
        !fs::exists(entry_path(root, name.substr(0, name.find('.')))))
      if (const auto unused = FileLock::try_acquire(lock, FileLock::Mode::exclusive))
        fs::remove(lock);
}

Bytes size_on_disk(const fs::path& directory) {
  Bytes total;
  std::error_code error;
  for (auto it = fs::recursive_directory_iterator(directory, error);
       it != fs::recursive_directory_iterator(); it.increment(error)) {
    struct stat status {};
    if (::lstat(it->path().c_str(), &status) == 0)
      total = total + Bytes{static_cast<std::uint64_t>(status.st_blocks) * 512};
  }
  return total;
}

void make_read_only(const fs::path& directory) {
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.symlink_status().type() != fs::file_type::regular)
      continue;
    fs::perms taken = fs::perms::group_write | fs::perms::others_write;
    if (entry.path().filename() != k_ram_file)
      taken |= fs::perms::owner_write;
    fs::permissions(entry.path(), taken, fs::perm_options::remove);
  }
}

}  // namespace

Layer::Layer(std::string key, std::string content, fs::path directory, FileLock lease)
    : m_key(std::move(key)), m_content(std::move(content)), m_directory(std::move(directory)),
      m_lease(std::move(lease)) {}

LayerCache::LayerCache(const fs::path& root) : m_root(fs::absolute(root)) {
  for (const char* folder : {k_layers_folder, "staging", "locks", "verified", "broken"})
    fs::create_directories(m_root / folder);
  for (const std::string& name : entries(m_root / "staging"))
    if (const std::string key = name.substr(0, name.find('.'));
        FileLock::try_acquire(build_lock(m_root, key), FileLock::Mode::exclusive))
      remove_build_tree(m_root / "staging" / name);
}

std::optional<Layer> LayerCache::find(const std::string& key) {
  check_key(key);
  if (!fs::exists(entry_path(m_root, key)))
    return std::nullopt;
  if (std::optional<Layer> layer = sound_layer(key))
    return layer;
  // Only who could also build it may set it aside: else a fresh replacement might be taken for the
  // damaged one.
  if (const auto building =
          FileLock::try_acquire(build_lock(m_root, key), FileLock::Mode::exclusive))
    set_aside_if_unsound(key);
  return std::nullopt;
}

Layer LayerCache::find_or_build(const Recipe& recipe, const CancelToken& cancel) {
  note_use(recipe.key);
  const bool renewed = is_to_be_renewed(recipe.key);
  if (std::optional<Layer> layer = find(recipe.key); layer && !renewed)
    return std::move(*layer);
  const FileLock building =
      wait_for_lock(build_lock(m_root, recipe.key), recipe.description, cancel);
  if (std::optional<Layer> layer = sound_layer(recipe.key); layer && !renewed)
    return std::move(*layer);
  set_aside_if_unsound(recipe.key);
  sweep_staging(m_root, recipe.key);

  const fs::path staging = unique_path(m_root, "staging", recipe.key);
  fs::create_directory(staging);
  const ScopeExit discard([&] { remove_build_tree(staging); });
  if (renewed || !m_source || !m_source(recipe.key, staging))
    recipe.build(staging);
  cancel.throw_if_cancelled();
  make_read_only(staging);
  const LayerManifest manifest = describe_layer(staging, recipe.kind, recipe.description);
  write_file_atomically(staging / k_manifest_name, to_json(manifest));
  if (renewed)
    drop(recipe.key);
  // In use before it can be seen, so that no garbage collection takes it away in between.
  FileLock lease = FileLock::acquire(use_lock(m_root, recipe.key), FileLock::Mode::shared);
  touch(use_lock(m_root, recipe.key));
  const fs::path published = entry_path(m_root, recipe.key);
  if (!publish_directory(staging, published))
    throw Error(ErrorCode::io,
                fmt::format("cannot publish '{}': it exists already", published.string()));
  if (const Result<std::string> fingerprint = layer_fingerprint(published, manifest);
      fingerprint && !fingerprint->empty())
    write_file_atomically(fingerprint_path(m_root, recipe.key), *fingerprint);
  return Layer(recipe.key, manifest.content(), published, std::move(lease));
}

std::optional<Layer> LayerCache::sound_layer(const std::string& key) {
  if (!fs::exists(entry_path(m_root, key)))
    return std::nullopt;
  std::optional<FileLock> lease =
      FileLock::try_acquire(use_lock(m_root, key), FileLock::Mode::shared);
  if (!lease)
    return std::nullopt;
  const Result<LayerManifest> manifest = check_entry(m_root, key);
  if (!manifest)
    return std::nullopt;
  touch(use_lock(m_root, key));
  return Layer(key, manifest->content(), entry_path(m_root, key), std::move(*lease));
}

bool LayerCache::is_to_be_renewed(const std::string& key) {
  if (!m_renewing)
    return false;
  std::lock_guard lock(m_mutex);
  return m_renewed.insert(key).second;
}

void LayerCache::note_use(const std::string& key) {
  std::lock_guard lock(m_mutex);
  if (std::ranges::find(m_used, key) == m_used.end())
    m_used.push_back(key);
}

std::vector<std::string> LayerCache::used() const {
  std::lock_guard lock(m_mutex);
  return m_used;
}

void LayerCache::set_aside_if_unsound(const std::string& key) {
  if (!fs::exists(entry_path(m_root, key)))
    return;
  if (const Result<LayerManifest> sound = check_entry(m_root, key); !sound)
    set_aside(m_root, key, sound.error());
}

void LayerCache::drop(const std::string& key) {
  check_key(key);
  remove_entry(m_root, key);
}

std::vector<LayerInfo> LayerCache::list() const {
  std::vector<LayerInfo> layers;
  for (const std::string& key : entries(m_root / k_layers_folder)) {
    const fs::path directory = entry_path(m_root, key);
    const Result<LayerManifest> manifest = read_manifest(directory);
    struct stat used {};
    ::stat(use_lock(m_root, key).c_str(), &used);
    layers.push_back({key, manifest ? manifest->kind : "damaged",
                      manifest ? manifest->description : "", size_on_disk(directory),
                      std::chrono::system_clock::from_time_t(used.st_mtim.tv_sec)});
  }
  return layers;
}

Bytes LayerCache::collect_garbage(Bytes keep) {
  std::vector<LayerInfo> layers = list();
  std::ranges::sort(layers, {}, &LayerInfo::last_used);
  Bytes total;
  for (const LayerInfo& layer : layers)
    total = total + layer.size;
  Bytes freed;
  for (const LayerInfo& layer : layers) {
    if (total.count - freed.count <= keep.count)
      break;
    if (const auto unused =
            FileLock::try_acquire(use_lock(m_root, layer.key), FileLock::Mode::exclusive)) {
      remove_entry(m_root, layer.key);
      freed = freed + layer.size;
    }
  }
  sweep_locks(m_root);
  return freed;
}

std::vector<std::string> LayerCache::verify() {
  std::vector<std::string> unsound;
  for (const std::string& key : entries(m_root / k_layers_folder)) {
    const auto building = FileLock::try_acquire(build_lock(m_root, key), FileLock::Mode::exclusive);
    if (!building)
      continue;
    const Result<LayerManifest> manifest = read_manifest(entry_path(m_root, key));
    const Result<void> sound = manifest ? verify_layer(entry_path(m_root, key), *manifest)
                                        : Result<void>(fail(manifest.error()));
    if (!sound) {
      set_aside(m_root, key, sound.error());
      unsound.push_back(key);
    }
  }
  return unsound;
}

}  // namespace nestbox
