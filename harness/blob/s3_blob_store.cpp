#include "harness/blob/s3_blob_store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "harness/aws/encoding.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"
#include "harness/blob/s3_requests.hpp"

namespace nestbox {
namespace {

constexpr std::size_t k_most_names = 1'000'000;
constexpr int k_most_attempts = 5;
constexpr int k_most_rounds = 100;
constexpr auto k_abort_limit = std::chrono::minutes(1);

bool is_bucket(std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return name.size() >= 3 && name.size() <= 63 && plain(name.front()) && plain(name.back())
         && std::ranges::all_of(name, [&](char c) { return plain(c) || c == '-' || c == '.'; });
}

/// An endpoint of the user's own may know no bucket's host name, nor does TLS one with dots.
bool needs_path_style(const std::string& bucket, const aws::Variables& variables) {
  return aws::find(variables, "AWS_ENDPOINT_URL_S3") || aws::find(variables, "AWS_ENDPOINT_URL")
         || bucket.find('.') != bucket.npos;
}

std::string read_part(int file, std::uint64_t offset, std::uint64_t size) {
  std::string part(size, '\0');
  std::size_t filled = 0;
  while (filled < part.size()) {
    const ssize_t count = ::pread(file, part.data() + filled, part.size() - filled,
                                  static_cast<off_t>(offset + filled));
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      throw count < 0 ? system_error("cannot read the file to upload", errno)
                      : Error(ErrorCode::io, "the file to upload shrank meanwhile");
    filled += static_cast<std::size_t>(count);
  }
  return part;
}

std::string short_name(const BlobId& id) {
  return id.digest.substr(0, 12);
}

}  // namespace

Result<S3Location> parse_s3_location(std::string_view text) {
  constexpr std::string_view k_scheme = "s3://";
  if (!text.starts_with(k_scheme))
    return fail(ErrorCode::usage, fmt::format("'{}' does not begin with s3://", printable(text)));
  const std::string_view rest = text.substr(k_scheme.size());
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  S3Location location{std::string(rest.substr(0, slash)), {}};
  std::string_view prefix = rest.substr(slash);
  while (prefix.starts_with('/'))
    prefix.remove_prefix(1);
  while (prefix.ends_with('/'))
    prefix.remove_suffix(1);
  location.prefix = prefix;
  if (!is_bucket(location.bucket))
    return fail(ErrorCode::usage, fmt::format("'{}' cannot name a bucket", location.bucket),
                "write s3://bucket/prefix");
  return location;
}

S3BlobStore::S3BlobStore(S3Location location, aws::Variables variables, aws::Backoff backoff)
    : m_location(std::move(location)), m_variables(std::move(variables)), m_backoff(backoff),
      m_path_style(needs_path_style(m_location.bucket, m_variables)),
      m_credentials(m_variables, m_http) {}

std::string S3BlobStore::description() const {
  return fmt::format("s3://{}{}{}", m_location.bucket, m_location.prefix.empty() ? "" : "/",
                     m_location.prefix);
}

aws::Client& S3BlobStore::client(Deadline deadline, const CancelToken& cancel) {
  std::lock_guard lock(m_mutex);
  if (!m_client) {
    aws::Service service =
        aws::service_of(m_variables, "s3", m_credentials.region(deadline, cancel));
    if (!m_path_style)
      service.endpoint.insert(service.endpoint.find("://") + 3, m_location.bucket + ".");
    m_client = std::make_unique<aws::Client>(std::move(service), m_credentials, m_http, m_backoff);
  }
  return *m_client;
}

std::string S3BlobStore::key(const std::string& below) const {
  return m_location.prefix.empty() ? below : m_location.prefix + "/" + below;
}

std::string S3BlobStore::bucket_path() const {
  return m_path_style ? "/" + m_location.bucket : "/";
}

std::string S3BlobStore::object_path(const std::string& below) const {
  return (m_path_style ? "/" + m_location.bucket : std::string()) + "/"
         + aws::uri_encode(key(below), true);
}

bool S3BlobStore::has(const BlobId& id, Deadline deadline, const CancelToken& cancel) {
  aws::Refusal refusal;
  const Result<HttpReply> reply = client(deadline, cancel)
                                      .try_send(s3::head(object_path(blob_path(id))),
                                                "asking for a blob", refusal, deadline, cancel);
  if (!reply && refusal.status == 404)
    return false;
  return value_or_throw(reply).header("content-length") == std::to_string(id.size.count);
}

void S3BlobStore::put(const BlobId& id, const fs::path& file, Deadline deadline,
                      const CancelToken& cancel) {
  if (has(id, deadline, cancel))
    return;
  const FileDescriptor source(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!source)
    throw system_error(fmt::format("cannot open '{}'", file.string()), errno);
  if (id.size.count > s3::part_size(id.size.count)) {
    for (int attempt = 1; !put_in_parts(id, source.get(), deadline, cancel); ++attempt)
      if (attempt == k_most_attempts)
        throw Error(ErrorCode::infrastructure,
                    fmt::format("uploading blob {}: others end the upload again and again",
                                short_name(id)));
    return;
  }
  std::string body = read_part(source.get(), 0, id.size.count);
  if (sha256(body) != id.digest)
    throw Error(ErrorCode::corrupt, fmt::format("'{}' changed meanwhile", file.string()));
  client(deadline, cancel)
      .send(s3::put(object_path(blob_path(id)), std::move(body)),
            fmt::format("uploading blob {}", short_name(id)), deadline, cancel);
}

/// False when somebody ended the upload meanwhile: whoever abandons this blob knows it by its name
/// only.
bool S3BlobStore::put_in_parts(const BlobId& id, int file, Deadline deadline,
                               const CancelToken& cancel) {
  aws::Client& client = this->client(deadline, cancel);
  const std::string path = object_path(blob_path(id));
  const std::string what = fmt::format("uploading blob {}", short_name(id));
  const std::string upload = begin_upload(id, deadline, cancel);
  // Parts of an upload that is not ended are paid for as long as it is not.
  ScopeExit abort([&] {
    try {
      client.send(s3::abort_upload(path, upload), what, Deadline::after(k_abort_limit), {});
    } catch (const Error&) {
      // The first error is the one to tell; NotedPut tries again.
    }
  });
  aws::Refusal refusal;
  // Of two attempts to complete the first may have done it, though its reply was lost.
  const auto is_ended_by_others = [&] { return refusal.code == "NoSuchUpload"; };
  const std::uint64_t size = s3::part_size(id.size.count);
  std::vector<std::string> tags;
  Sha256 hash;
  for (std::uint64_t offset = 0; offset < id.size.count; offset += size) {
    std::string part = read_part(file, offset, std::min(size, id.size.count - offset));
    hash.update(part);
    const int number = static_cast<int>(tags.size()) + 1;
    const Result<HttpReply> sent = client.try_send(
        s3::put_part(path, upload, number, std::move(part)), what, refusal, deadline, cancel);
    if (!sent && is_ended_by_others())
      return has(id, deadline, cancel);
    tags.push_back(value_or_throw(sent).header("etag"));
  }
  if (hash.hex() != id.digest)
    throw Error(ErrorCode::corrupt, "the file changed while it was uploaded");
  const Result<HttpReply> completed =
      client.try_send(s3::complete_upload(path, upload, tags), what, refusal, deadline, cancel);
  if (!completed && is_ended_by_others())
    return has(id, deadline, cancel);
  value_or_throw(completed);
  abort.dismiss();
  return true;
}

std::string S3BlobStore::begin_upload(const BlobId& id, Deadline deadline,
                                      const CancelToken& cancel) {
  const std::string what = fmt::format("uploading blob {}", short_name(id));
  for (int attempt = 1;; ++attempt) {
    const Result<HttpReply> begun = catch_error([&] {
      return client(deadline, cancel)
          .send(s3::begin_upload(object_path(blob_path(id))), what, deadline, cancel);
    });
    if (begun)
      return value_or_throw(s3::parse_upload(begun->body));
    if (begun.error().code != ErrorCode::io || attempt == k_most_attempts)
      throw begun.error();
    // Nobody told us what it is called, if it was begun.
    abandon(id, deadline, cancel);
  }
}

void S3BlobStore::abandon(const BlobId& id, Deadline deadline, const CancelToken& cancel) {
  aws::Client& client = this->client(deadline, cancel);
  const std::string what = fmt::format("ending uploads of blob {}", short_name(id));
  const std::string path = object_path(blob_path(id));
  const std::string name = key(blob_path(id));
  // One that a part still comes in for may need more than one request.
  for (int round = 0; round < k_most_rounds; ++round) {
    aws::Refusal refusal;
    const Result<HttpReply> listed =
        client.try_send(s3::list_uploads(bucket_path(), name), what, refusal, deadline, cancel);
    if (!listed && refusal.code == "NoSuchBucket")
      return;
    bool any = false;
    for (const s3::Upload& upload :
         value_or_throw(s3::parse_uploads(value_or_throw(listed).body))) {
      if (upload.key != name)
        continue;
      any = true;
      const Result<HttpReply> ended =
          client.try_send(s3::abort_upload(path, upload.id), what, refusal, deadline, cancel);
      if (!ended && refusal.code != "NoSuchUpload")
        throw ended.error();
    }
    if (!any)
      return;
  }
  throw Error(ErrorCode::infrastructure, fmt::format("{}: there are more and more of them", what));
}

void S3BlobStore::get(const BlobId& id, const fs::path& destination, Deadline deadline,
                      const CancelToken& cancel) {
  const std::string path = object_path(blob_path(id));
  const FileDescriptor file(
      ::open(destination.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file)
    throw system_error(fmt::format("cannot make '{}'", destination.string()), errno);
  ScopeExit discard([&] { ::unlink(destination.c_str()); });
  Sha256 hash;
  const std::uint64_t size = s3::part_size(0);
  for (std::uint64_t offset = 0; offset < id.size.count; offset += size) {
    const HttpReply reply =
        client(deadline, cancel)
            .send(s3::get(path, offset, std::min(size, id.size.count - offset)),
                  fmt::format("downloading blob {}", short_name(id)), deadline, cancel);
    hash.update(reply.body);
    write_all(file, reply.body, destination);
  }
  if (hash.hex() != id.digest)
    throw Error(
        ErrorCode::corrupt,
        fmt::format("blob {} in '{}' is not what its name says", short_name(id), description()),
        "remove it there, and push it again");
  if (::fsync(file.get()) != 0)
    throw system_error(fmt::format("cannot write '{}'", destination.string()), errno);
  discard.dismiss();
}

void S3BlobStore::remove(const BlobId& id, Deadline deadline, const CancelToken& cancel) {
  client(deadline, cancel)
      .send(s3::remove(object_path(blob_path(id))), "removing a blob", deadline, cancel);
}

std::string S3BlobStore::presigned_link(const BlobId& id, std::chrono::seconds lifetime,
                                        Deadline deadline, const CancelToken& cancel) {
  return client(deadline, cancel)
      .presigned_link({.path = object_path(blob_path(id))}, lifetime, deadline, cancel);
}

void S3BlobStore::put_record(const std::string& name, std::string_view text, Deadline deadline,
                             const CancelToken& cancel) {
  if (text.size() > k_record_limit.count)
    throw Error(ErrorCode::usage,
                fmt::format("record '{}' is larger than {}", name, format_bytes(k_record_limit)));
  client(deadline, cancel)
      .send(s3::put(object_path(record_path(name)), std::string(text)),
            fmt::format("writing record '{}'", name), deadline, cancel);
}

std::optional<std::string> S3BlobStore::record(const std::string& name, Deadline deadline,
                                               const CancelToken& cancel) {
  aws::Refusal refusal;
  Result<HttpReply> reply =
      client(deadline, cancel)
          .try_send(s3::get_whole(object_path(record_path(name)), k_record_limit),
                    fmt::format("reading record '{}'", name), refusal, deadline, cancel);
  if (!reply && refusal.code == "NoSuchKey")
    return std::nullopt;
  return value_or_throw(std::move(reply)).body;
}

std::vector<std::string> S3BlobStore::records(const std::string& prefix, Deadline deadline,
                                              const CancelToken& cancel) {
  const std::string root = key("records/");
  std::vector<std::string> names;
  std::string token;
  do {
    s3::Page page = value_or_throw(
        s3::parse_page(client(deadline, cancel)
                           .send(s3::list(bucket_path(), root + prefix, token),
                                 fmt::format("listing '{}'", description()), deadline, cancel)
                           .body));
    for (const std::string& key : page.keys)
      if (key.starts_with(root))
        names.push_back(key.substr(root.size()));
    if (names.size() > k_most_names)
      throw Error(ErrorCode::corrupt, fmt::format("'{}' has too many records", description()));
    token = std::move(page.next_token);
  } while (!token.empty());
  std::ranges::sort(names);
  return names;
}

void S3BlobStore::remove_record(const std::string& name, Deadline deadline,
                                const CancelToken& cancel) {
  client(deadline, cancel)
      .send(s3::remove(object_path(record_path(name))), "removing a record", deadline, cancel);
}

}  // namespace nestbox
