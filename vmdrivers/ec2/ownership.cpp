#include "vmdrivers/ec2/ownership.hpp"

#include "harness/base/filesystem.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/owner.hpp"
#include "harness/base/text.hpp"

namespace nestbox::ec2 {
namespace {

constexpr std::size_t k_machine_id_size = 32;

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

Tags ownership_tags() {
  Tags tags = {{k_ours_label, "1"}, {k_owner_label, to_string(this_owner())}};
  if (const std::string host = this_host(); !host.empty())
    tags[k_host_tag] = host;
  return tags;
}

bool is_abandoned(const Tags& tags) {
  const Result<Owner> owner = parse_owner(value_of(tags, k_owner_label));
  if (!owner)
    return false;
  const OwnerState state = state_of(*owner);
  if (state != OwnerState::unknown)
    return state == OwnerState::dead;
  const std::string host = value_of(tags, k_host_tag);
  return !host.empty() && host == this_host();
}

}  // namespace nestbox::ec2
