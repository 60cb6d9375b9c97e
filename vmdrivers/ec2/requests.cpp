#include "vmdrivers/ec2/requests.hpp"

#include <fmt/format.h>

#include "harness/aws/encoding.hpp"
#include "harness/base/base64.hpp"
#include "harness/base/owner.hpp"

namespace nestbox::ec2 {
namespace {

constexpr const char* k_version = "2016-11-15";
constexpr const char* k_page_size = "1000";

aws::Request request(const char* action, aws::Fields fields) {
  fields.insert(fields.begin(), {{"Action", action}, {"Version", k_version}});
  return {.method = "POST",
          .headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}},
          .body = aws::form(fields)};
}

void add_tags(aws::Fields& fields, const std::vector<const char*>& kinds, const Tags& tags) {
  int specification = 0;
  for (const char* kind : kinds) {
    const std::string prefix = fmt::format("TagSpecification.{}.", ++specification);
    fields.emplace_back(prefix + "ResourceType", kind);
    int number = 0;
    for (const auto& [key, value] : tags) {
      ++number;
      fields.emplace_back(fmt::format("{}Tag.{}.Key", prefix, number), key);
      fields.emplace_back(fmt::format("{}Tag.{}.Value", prefix, number), value);
    }
  }
}

aws::Fields ours() {
  return {{"Filter.1.Name", fmt::format("tag:{}", k_ours_label)}, {"Filter.1.Value.1", "1"}};
}

/// Of kinds that others make public.
aws::Fields ours_of_account() {
  aws::Fields fields = ours();
  fields.emplace_back("Owner.1", "self");
  return fields;
}

}  // namespace

aws::Request run_instance(const Launch& launch) {
  aws::Fields fields = {{"ClientToken", launch.token},
                        {"ImageId", launch.image},
                        {"InstanceType", launch.type},
                        {"MinCount", "1"},
                        {"MaxCount", "1"},
                        {"KeyName", launch.key_name},
                        {"InstanceInitiatedShutdownBehavior", "terminate"},
                        {"UserData", base64(launch.user_data)},
                        {"MetadataOptions.HttpTokens", "required"},
                        {"SecurityGroupId.1", launch.group}};
  if (!launch.subnet.empty())
    fields.emplace_back("SubnetId", launch.subnet);
  if (launch.spot) {
    fields.emplace_back("InstanceMarketOptions.MarketType", "spot");
    fields.emplace_back("InstanceMarketOptions.SpotOptions.SpotInstanceType", "one-time");
    fields.emplace_back("InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior",
                        "terminate");
  }
  if (launch.disk_gibibytes > 0) {
    fields.emplace_back("BlockDeviceMapping.1.DeviceName", launch.root_device);
    fields.emplace_back("BlockDeviceMapping.1.Ebs.VolumeSize",
                        std::to_string(launch.disk_gibibytes));
    fields.emplace_back("BlockDeviceMapping.1.Ebs.DeleteOnTermination", "true");
  }
  std::vector<const char*> made = {"instance", "volume", "network-interface"};
  if (launch.spot)
    made.push_back("spot-instances-request");
  add_tags(fields, made, launch.tags);
  return request("RunInstances", std::move(fields));
}

aws::Request describe_instance(const std::string& instance) {
  return request("DescribeInstances", {{"InstanceId.1", instance}});
}

aws::Request describe_ours(const std::string& token) {
  aws::Fields fields = ours();
  fields.emplace_back("Filter.2.Name", "instance-state-name");
  int number = 0;
  for (const char* state : {"pending", "running", "stopping", "stopped"})
    fields.emplace_back(fmt::format("Filter.2.Value.{}", ++number), state);
  fields.emplace_back("MaxResults", k_page_size);
  if (!token.empty())
    fields.emplace_back("NextToken", token);
  return request("DescribeInstances", std::move(fields));
}

aws::Request terminate(const std::string& instance) {
  return request("TerminateInstances", {{"InstanceId.1", instance}});
}

aws::Request console_output(const std::string& instance) {
  return request("GetConsoleOutput", {{"InstanceId", instance}});
}

aws::Request import_key(const std::string& name, const std::string& public_key, const Tags& tags) {
  aws::Fields fields = {{"KeyName", name}, {"PublicKeyMaterial", base64(public_key)}};
  add_tags(fields, {"key-pair"}, tags);
  return request("ImportKeyPair", std::move(fields));
}

aws::Request describe_keys() {
  return request("DescribeKeyPairs", ours());
}

aws::Request delete_key(const std::string& name) {
  return request("DeleteKeyPair", {{"KeyName", name}});
}

aws::Request create_group(const std::string& name, const Tags& tags) {
  aws::Fields fields = {{"GroupName", name}, {"GroupDescription", "machines of a nestbox run"}};
  add_tags(fields, {"security-group"}, tags);
  return request("CreateSecurityGroup", std::move(fields));
}

aws::Request let_in(const std::string& group, int port, const std::string& from) {
  return request("AuthorizeSecurityGroupIngress",
                 {{"GroupId", group},
                  {"IpPermissions.1.IpProtocol", "tcp"},
                  {"IpPermissions.1.FromPort", std::to_string(port)},
                  {"IpPermissions.1.ToPort", std::to_string(port)},
                  {"IpPermissions.1.IpRanges.1.CidrIp", from},
                  {"IpPermissions.2.IpProtocol", "-1"},
                  {"IpPermissions.2.Groups.1.GroupId", group}});
}

aws::Request describe_groups() {
  return request("DescribeSecurityGroups", ours());
}

aws::Request delete_group(const std::string& group) {
  return request("DeleteSecurityGroup", {{"GroupId", group}});
}

aws::Request create_image(const std::string& instance, const std::string& name, bool reboot,
                          const Tags& tags) {
  aws::Fields fields = {
      {"InstanceId", instance}, {"Name", name}, {"NoReboot", reboot ? "false" : "true"}};
  add_tags(fields, {"image", "snapshot"}, tags);
  return request("CreateImage", std::move(fields));
}

aws::Request describe_image(const std::string& image) {
  return request("DescribeImages", {{"ImageId.1", image}});
}

aws::Request describe_image_named(const std::string& name) {
  return request("DescribeImages",
                 {{"Filter.1.Name", "name"}, {"Filter.1.Value.1", name}, {"Owner.1", "self"}});
}

aws::Request describe_images() {
  return request("DescribeImages", ours_of_account());
}

aws::Request describe_snapshots() {
  return request("DescribeSnapshots", ours_of_account());
}

aws::Request deregister_image(const std::string& image) {
  return request("DeregisterImage", {{"ImageId", image}});
}

aws::Request delete_snapshot(const std::string& snapshot) {
  return request("DeleteSnapshot", {{"SnapshotId", snapshot}});
}

aws::Request delete_tags(const std::vector<std::string>& resources,
                         const std::vector<std::string>& keys) {
  aws::Fields fields;
  int number = 0;
  for (const std::string& resource : resources)
    fields.emplace_back(fmt::format("ResourceId.{}", ++number), resource);
  number = 0;
  for (const std::string& key : keys)
    fields.emplace_back(fmt::format("Tag.{}.Key", ++number), key);
  return request("DeleteTags", std::move(fields));
}

}  // namespace nestbox::ec2
