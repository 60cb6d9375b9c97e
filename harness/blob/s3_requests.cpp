#include "harness/blob/s3_requests.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "harness/aws/xml_tree.hpp"

namespace nestbox::s3 {
namespace {

constexpr std::uint64_t k_usual_part = 16 << 20;
constexpr std::uint64_t k_most_parts = 10'000;
const aws::Fields k_bytes = {{"Content-Type", "application/octet-stream"}};
const aws::Fields k_xml = {{"Content-Type", "application/xml"}};

std::string xml_escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text)
    escaped += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '"' ? "&quot;" : std::string(1, c);
  return escaped;
}

}  // namespace

aws::Request head(const std::string& path) {
  return {.method = "HEAD", .path = path};
}

aws::Request put(const std::string& path, std::string body) {
  return {.method = "PUT", .path = path, .headers = k_bytes, .body = std::move(body)};
}

aws::Request get(const std::string& path, std::uint64_t first, std::uint64_t count) {
  return {.path = path,
          .headers = {{"Range", fmt::format("bytes={}-{}", first, first + count - 1)}},
          .limit = {count + kibibytes(64).count},
          .expected_size = count};
}

aws::Request get_whole(const std::string& path, Bytes limit) {
  return {.path = path, .limit = limit};
}

aws::Request remove(const std::string& path) {
  return {.method = "DELETE", .path = path};
}

aws::Request list(const std::string& bucket_path, const std::string& prefix,
                  const std::string& token) {
  aws::Request request{.path = bucket_path, .query = {{"list-type", "2"}, {"prefix", prefix}}};
  if (!token.empty())
    request.query.emplace_back("continuation-token", token);
  return request;
}

aws::Request begin_upload(const std::string& path) {
  return {
      .method = "POST", .path = path, .query = {{"uploads", ""}}, .headers = k_bytes, .once = true};
}

aws::Request put_part(const std::string& path, const std::string& upload, int number,
                      std::string body) {
  return {.method = "PUT",
          .path = path,
          .query = {{"partNumber", std::to_string(number)}, {"uploadId", upload}},
          .headers = k_bytes,
          .body = std::move(body)};
}

aws::Request complete_upload(const std::string& path, const std::string& upload,
                             const std::vector<std::string>& tags) {
  std::string body = "<CompleteMultipartUpload>";
  for (std::size_t i = 0; i < tags.size(); ++i)
    body += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>", i + 1,
                        xml_escaped(tags[i]));
  body += "</CompleteMultipartUpload>";
  return {.method = "POST",
          .path = path,
          .query = {{"uploadId", upload}},
          .headers = k_xml,
          .body = std::move(body)};
}

aws::Request abort_upload(const std::string& path, const std::string& upload) {
  return {.method = "DELETE", .path = path, .query = {{"uploadId", upload}}};
}

aws::Request list_uploads(const std::string& bucket_path, const std::string& prefix) {
  return {.path = bucket_path, .query = {{"prefix", prefix}, {"uploads", ""}}};
}

Result<Page> parse_page(std::string_view xml) {
  const Result<aws::XmlElement> document = aws::parse_xml(xml);
  if (!document)
    return fail(document.error());
  if (document->name != "ListBucketResult")
    return fail(ErrorCode::corrupt, "the reply is no list of a bucket");
  Page page;
  for (const aws::XmlElement& child : document->children)
    if (child.name == "Contents")
      page.keys.push_back(child.at("Key"));
  if (document->at("IsTruncated") == "true")
    page.next_token = document->at("NextContinuationToken");
  return page;
}

Result<std::string> parse_upload(std::string_view xml) {
  const Result<aws::XmlElement> document = aws::parse_xml(xml);
  if (!document)
    return fail(document.error());
  std::string upload = document->at("UploadId");
  if (document->name != "InitiateMultipartUploadResult" || upload.empty())
    return fail(ErrorCode::corrupt, "the reply names no upload");
  return upload;
}

Result<std::vector<Upload>> parse_uploads(std::string_view xml) {
  const Result<aws::XmlElement> document = aws::parse_xml(xml);
  if (!document)
    return fail(document.error());
  if (document->name != "ListMultipartUploadsResult")
    return fail(ErrorCode::corrupt, "the reply is no list of uploads");
  std::vector<Upload> uploads;
  for (const aws::XmlElement& child : document->children)
    if (child.name == "Upload")
      uploads.push_back({child.at("Key"), child.at("UploadId")});
  return uploads;
}

std::uint64_t part_size(std::uint64_t size) {
  return std::max(k_usual_part, (size + k_most_parts - 1) / k_most_parts);
}

}  // namespace nestbox::s3
