#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "harness/aws/client.hpp"
#include "harness/base/result.hpp"
#include "vmdrivers/ec2/settings.hpp"

namespace nestbox::ec2 {

using Tags = std::map<std::string, std::string>;

/// What an instance is asked for with.
struct Launch {
  std::string token;  ///< one for each instance that is wanted: asking twice gives one
  std::string image;
  std::string type;
  std::string key_name;
  std::string group;  ///< "sg-…"
  std::string subnet{};
  std::string user_data{};  ///< the init script
  bool spot = false;
  std::string root_device = "/dev/xvda";  ///< what the image calls it
  int disk_gibibytes = 0;
  Tags tags;
};

/// The requests that the driver makes, version 2016-11-15; all pure.
/// Source: the Amazon EC2 API reference.
aws::Request run_instance(const Launch& launch);
aws::Request describe_instance(const std::string& instance);
/// Of those that carry the tag and are not terminated, page by page.
aws::Request describe_ours(const std::string& token);
aws::Request terminate(const std::string& instance);
aws::Request console_output(const std::string& instance);
aws::Request import_key(const std::string& name, const std::string& public_key, const Tags& tags);
aws::Request describe_keys();
aws::Request delete_key(const std::string& name);
aws::Request create_group(const std::string& name, const Tags& tags);
aws::Request let_in(const std::string& group, int port, const std::string& from);
aws::Request describe_groups();
aws::Request delete_group(const std::string& group);
/// With `reboot`, what the machine has not yet written to its disk is in the image too.
aws::Request create_image(const std::string& instance, const std::string& name, bool reboot,
                          const Tags& tags);
aws::Request describe_image(const std::string& image);
/// Of this account.
aws::Request describe_image_named(const std::string& name);
aws::Request describe_images();
aws::Request describe_snapshots();
aws::Request deregister_image(const std::string& image);
aws::Request delete_snapshot(const std::string& snapshot);
aws::Request delete_tags(const std::vector<std::string>& resources,
                         const std::vector<std::string>& keys);

struct Instance {
  std::string id;
  std::string state;   ///< "pending", "running", "shutting-down", "terminated", "stopped"
  std::string reason;  ///< why it is in that state; may be empty
  std::string type;
  std::string public_address;
  std::string private_address;
  Tags tags;

  bool operator==(const Instance&) const = default;
};

struct Page {
  std::vector<Instance> instances;
  std::string next_token;

  bool operator==(const Page&) const = default;
};

/// A key pair, a security group, or a snapshot, which has no name.
struct Named {
  std::string id;
  std::string name;
  Tags tags;

  bool operator==(const Named&) const = default;
};

struct Image {
  std::string id;
  std::string state;  ///< "pending", "available", "failed"
  std::vector<std::string> snapshots;
  Tags tags;

  bool operator==(const Image&) const = default;
};

/// What the replies say. Each Error(corrupt).
Result<Instance> parse_run(std::string_view xml);
Result<Page> parse_instances(std::string_view xml);
Result<std::vector<Named>> parse_keys(std::string_view xml);
Result<std::vector<Named>> parse_groups(std::string_view xml);
Result<std::vector<Image>> parse_images(std::string_view xml);
Result<std::vector<Named>> parse_snapshots(std::string_view xml);
Result<std::string> parse_group_id(std::string_view xml);
Result<std::string> parse_image_id(std::string_view xml);
/// What the console printed, at most its last 256 KiB.
Result<std::string> parse_console(std::string_view xml);

}  // namespace nestbox::ec2
