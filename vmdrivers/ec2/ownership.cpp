#include "vmdrivers/ec2/ownership.hpp"

#include "harness/base/filesystem.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/owner.hpp"
#include "harness/base/text.hpp"
#include "harness/vm/snapshot.hpp"

namespace nestbox::ec2 {
namespace {

constexpr std::size_t k_machine_id_size = 32;

/// Empty where it says nothing of machines, or has left the cache meanwhile.
std::string text_of_layer(const fs::path& layer) {
  const fs::path file = layer / k_snapshot_file;
  const Result<std::string> text = catch_error([&] { return read_file(file); });
  std::error_code unknown;
  if (!text && fs::symlink_status(file, unknown).type() != fs::file_type::not_found)
    throw text.error();
  return text.value_or("");
}

std::string value_of(const Tags& tags, const char* key) {
  const auto tag = tags.find(key);
  return tag == tags.end() ? "" : tag->second;
}

}  // namespace

std::string this_host() {
  const Result<std::string> host = catch_error([]() -> std::string {
    const std::string text = read_file("/etc/machine-id", kibibytes(4));
    const std::string_view id = trim(text);
    if (id.size() != k_machine_id_size)  // not written yet
      return "";
    return Sha256()
        .field("machine-id", id)
        .field("name", trim(read_file("/proc/sys/kernel/hostname", kibibytes(4))))
        .hex();
  });
  return host.value_or("");
}

std::string this_cache() {
  const std::string host = this_host();
  return host.empty()
             ? ""
             : Sha256().field("host", host).field("cache", cache_directory().string()).hex();
}

Tags ownership_tags() {
  Tags tags = {{k_ours_label, "1"}, {k_owner_label, to_string(this_owner())}};
  if (const std::string host = this_host(); !host.empty())
    tags[k_host_tag] = host;
  return tags;
}

Tags image_tags() {
  Tags tags = ownership_tags();
  if (const std::string cache = this_cache(); !cache.empty())
    tags[k_cache_tag] = cache;
  return tags;
}

Tags named(Tags tags, const std::string& name) {
  tags["Name"] = name;
  return tags;
}

bool is_abandoned(const Tags& tags) {
  if (const auto cache = tags.find(k_cache_tag);
      cache != tags.end() && cache->second != this_cache())
    return false;
  const Result<Owner> owner = parse_owner(value_of(tags, k_owner_label));
  if (!owner)
    return false;
  const OwnerState state = state_of(*owner);
  if (state != OwnerState::unknown)
    return state == OwnerState::dead;
  const std::string host = value_of(tags, k_host_tag);
  return !host.empty() && host == this_host();
}

bool is_of_this_cache(const Tags& tags) {
  const std::string cache = value_of(tags, k_cache_tag);
  return !cache.empty() && cache == this_cache() && !tags.contains(k_owner_label);
}

std::string texts_of_layers() {
  std::string texts;
  std::error_code error;
  for (fs::directory_iterator layer(cache_directory() / k_layers_folder, error), end;
       !error && layer != end; layer.increment(error))
    texts += text_of_layer(layer->path());
  if (error && error != std::errc::no_such_file_or_directory)
    throw Error(ErrorCode::io, "cannot read the cache's layers: " + error.message());
  return texts;
}

}  // namespace nestbox::ec2
