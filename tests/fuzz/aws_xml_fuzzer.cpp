#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "harness/aws/client.hpp"
#include "harness/aws/profile_file.hpp"
#include "harness/aws/xml_tree.hpp"
#include "harness/blob/s3_requests.hpp"
#include "vmdrivers/ec2/requests.hpp"

namespace {

void require(bool holds) {
  if (!holds)
    std::abort();
}

template <class Value>
void require_refusal(const nestbox::Result<Value>& result) {
  require(result || result.error().code == nestbox::ErrorCode::corrupt);
}

std::size_t depth(const nestbox::aws::XmlElement& element) {
  std::size_t deepest = 0;
  for (const nestbox::aws::XmlElement& child : element.children)
    deepest = std::max(deepest, depth(child));
  return deepest + 1;
}

}  // namespace

/// What EC2 and S3 answer: any bytes give a value or a refusal, and a tree that is bounded.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto tree = nestbox::aws::parse_xml(text);
  require_refusal(tree);
  require(!tree || depth(*tree) <= nestbox::aws::k_xml_depth);
  require(!nestbox::aws::parse_refusal(400, text).code.empty());
  require_refusal(nestbox::s3::parse_page(text));
  require_refusal(nestbox::s3::parse_upload(text));
  require_refusal(nestbox::s3::parse_uploads(text));
  require_refusal(nestbox::ec2::parse_run(text));
  require_refusal(nestbox::ec2::parse_instances(text));
  require_refusal(nestbox::ec2::parse_keys(text));
  require_refusal(nestbox::ec2::parse_groups(text));
  require_refusal(nestbox::ec2::parse_images(text));
  require_refusal(nestbox::ec2::parse_snapshots(text));
  require_refusal(nestbox::ec2::parse_console(text));
  const auto profiles = nestbox::aws::parse_profiles(text, "file");
  require(profiles || profiles.error().code == nestbox::ErrorCode::definition);
  const auto role = nestbox::aws::parse_role_credentials(text, "role");
  require_refusal(role);
  return 0;
}
