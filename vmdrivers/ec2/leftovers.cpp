#include <fmt/format.h>

#include "harness/base/owner.hpp"
#include "vmdrivers/ec2/account.hpp"
#include "vmdrivers/ec2/ownership.hpp"

namespace nestbox::ec2 {
namespace {

constexpr const char* k_gone_layer = "a layer that is gone";

}  // namespace

std::vector<Leftover> Account::reap(bool dry_run, Deadline deadline, const CancelToken& cancel) {
  aws::Client& client = this->client(deadline, cancel);
  std::vector<Leftover> found;
  const auto take = [&](std::string what, const Tags& tags, const aws::Request& removal,
                        const std::set<std::string>& not_yet) {
    if (!is_abandoned(tags) && !is_of_this_cache(tags))
      return;
    const auto owner = tags.find(k_owner_label);
    Leftover leftover{std::move(what), owner == tags.end() ? k_gone_layer : owner->second, {}};
    aws::Refusal refusal;
    if (!dry_run)
      if (const Result<HttpReply> ended =
              settled(removal, "ending what was left", not_yet, refusal, deadline, cancel);
          !ended)
        leftover.failed = ended.error().message;
    found.push_back(std::move(leftover));
  };
  const char* const what = "looking for what was left";
  for (const Instance& instance : our_instances(deadline, cancel))
    take(fmt::format("instance '{}'", instance.id), instance.tags, terminate(instance.id), {});
  for (const Named& key :
       value_or_throw(parse_keys(client.send(describe_keys(), what, deadline, cancel).body)))
    take(fmt::format("key pair '{}'", key.name), key.tags, delete_key(key.name), {});
  for (const Named& group :
       value_or_throw(parse_groups(client.send(describe_groups(), what, deadline, cancel).body)))
    take(fmt::format("security group '{}'", group.name), group.tags, delete_group(group.id),
         k_used_group);
  // Snapshots, images, layers, in this order: what has lost its owner by then has its image in the
  // next list, and its layer in the cache.
  const std::vector<Named> snapshots = value_or_throw(
      parse_snapshots(client.send(describe_snapshots(), what, deadline, cancel).body));
  const std::vector<Image> images =
      value_or_throw(parse_images(client.send(describe_images(), what, deadline, cancel).body));
  const std::string layers = texts_of_layers();
  std::set<std::string> kept;
  for (const Image& image : images)
    if (layers.find(image.id) != layers.npos)
      kept.insert(image.snapshots.begin(), image.snapshots.end());
    else
      take(fmt::format("image '{}'", image.id), image.tags, deregister_image(image.id), {});
  for (const Named& snapshot : snapshots)
    if (!kept.contains(snapshot.id))
      take(fmt::format("snapshot '{}'", snapshot.id), snapshot.tags, delete_snapshot(snapshot.id),
           k_used_snapshot);
  return found;
}

}  // namespace nestbox::ec2
