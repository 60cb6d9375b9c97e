#include <fmt/format.h>

#include "harness/aws/xml_tree.hpp"
#include "harness/base/base64.hpp"
#include "harness/base/text.hpp"
#include "vmdrivers/ec2/requests.hpp"

namespace nestbox::ec2 {
namespace {

using aws::XmlElement;

constexpr std::size_t k_console_kept = 256 << 10;

Result<XmlElement> parse(std::string_view xml, const char* document) {
  Result<XmlElement> element = aws::parse_xml(xml);
  if (element && element->name != document)
    return fail(ErrorCode::corrupt, fmt::format("the reply is no {}", document));
  return element;
}

Tags tags_of(const XmlElement& element) {
  Tags tags;
  for (const XmlElement& item : element.items("tagSet"))
    tags[item.at("key")] = item.at("value");
  return tags;
}

Instance instance_of(const XmlElement& item) {
  return {item.at("instanceId"),
          item.at("instanceState/name"),
          printable(item.at("stateReason/message")),
          item.at("instanceType"),
          item.at("ipAddress"),
          item.at("privateIpAddress"),
          tags_of(item)};
}

Result<std::vector<Named>> parse_named(std::string_view xml, const char* document, const char* set,
                                       const char* id, const char* name) {
  const Result<XmlElement> element = parse(xml, document);
  if (!element)
    return fail(element.error());
  std::vector<Named> found;
  for (const XmlElement& item : element->items(set))
    found.push_back({item.at(id), item.at(name), tags_of(item)});
  return found;
}

Result<std::string> parse_id(std::string_view xml, const char* document, const char* name) {
  const Result<XmlElement> element = parse(xml, document);
  if (!element)
    return fail(element.error());
  std::string id = element->at(name);
  if (id.empty())
    return fail(ErrorCode::corrupt, fmt::format("the {} has no {}", document, name));
  return id;
}

}  // namespace

Result<Instance> parse_run(std::string_view xml) {
  const Result<XmlElement> element = parse(xml, "RunInstancesResponse");
  if (!element)
    return fail(element.error());
  const std::vector<XmlElement>& items = element->items("instancesSet");
  if (items.size() != 1 || items.front().at("instanceId").empty())
    return fail(ErrorCode::corrupt, "the reply names no instance, or several");
  return instance_of(items.front());
}

Result<Page> parse_instances(std::string_view xml) {
  const Result<XmlElement> element = parse(xml, "DescribeInstancesResponse");
  if (!element)
    return fail(element.error());
  Page page{{}, element->at("nextToken")};
  for (const XmlElement& reservation : element->items("reservationSet"))
    for (const XmlElement& item : reservation.items("instancesSet"))
      page.instances.push_back(instance_of(item));
  return page;
}

Result<std::vector<Named>> parse_keys(std::string_view xml) {
  return parse_named(xml, "DescribeKeyPairsResponse", "keySet", "keyPairId", "keyName");
}

Result<std::vector<Named>> parse_groups(std::string_view xml) {
  return parse_named(xml, "DescribeSecurityGroupsResponse", "securityGroupInfo", "groupId",
                     "groupName");
}

Result<std::vector<Image>> parse_images(std::string_view xml) {
  const Result<XmlElement> element = parse(xml, "DescribeImagesResponse");
  if (!element)
    return fail(element.error());
  std::vector<Image> images;
  for (const XmlElement& item : element->items("imagesSet")) {
    Image& image =
        images.emplace_back(Image{item.at("imageId"), item.at("imageState"), {}, tags_of(item)});
    for (const XmlElement& device : item.items("blockDeviceMapping"))
      if (std::string snapshot = device.at("ebs/snapshotId"); !snapshot.empty())
        image.snapshots.push_back(std::move(snapshot));
  }
  return images;
}

Result<std::vector<Named>> parse_snapshots(std::string_view xml) {
  return parse_named(xml, "DescribeSnapshotsResponse", "snapshotSet", "snapshotId", "");
}

Result<std::string> parse_group_id(std::string_view xml) {
  return parse_id(xml, "CreateSecurityGroupResponse", "groupId");
}

Result<std::string> parse_image_id(std::string_view xml) {
  return parse_id(xml, "CreateImageResponse", "imageId");
}

Result<std::string> parse_console(std::string_view xml) {
  const Result<XmlElement> element = parse(xml, "GetConsoleOutputResponse");
  if (!element)
    return fail(element.error());
  std::string text = from_base64(element->at("output"));
  if (text.size() > k_console_kept)
    text.erase(0, text.size() - k_console_kept);
  return text;
}

}  // namespace nestbox::ec2
