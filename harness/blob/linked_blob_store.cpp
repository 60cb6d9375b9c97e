#include "harness/blob/linked_blob_store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"

namespace nestbox {
namespace {

using json = nlohmann::json;

constexpr int k_version = 1;
constexpr Bytes k_file_limit = mebibytes(16);
constexpr int k_most_breaks = 5;  ///< of a connection, in one download

bool is_web_link(std::string_view link) {
  return link.starts_with("https://") || link.starts_with("http://");
}

/// One download, in as many requests as the network makes of it.
class Download {
public:
  Download(const BlobId& id, const fs::path& destination) : m_id(id), m_path(destination) {
    m_file =
        FileDescriptor(::open(destination.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!m_file)
      throw system_error(fmt::format("cannot make '{}'", destination.string()), errno);
  }
  ~Download() {
    if (!m_done)
      ::unlink(m_path.c_str());
  }
  Download(const Download&) = delete;
  Download& operator=(const Download&) = delete;

  /// What is still to come. A server that begins anew instead is found out by the digest.
  HttpRequest request(const std::string& link) {
    HttpRequest request{.url = link, .sink = [this](std::string_view bytes) { take(bytes); }};
    if (m_received > 0)
      request.headers.push_back(fmt::format("Range: bytes={}-", m_received));
    return request;
  }

  void finish() {
    if (m_received != m_id.size.count || m_hash.hex() != m_id.digest)
      throw Error(ErrorCode::corrupt, fmt::format("what the link of blob {} leads to is not it",
                                                  m_id.digest.substr(0, 12)));
    if (::fsync(m_file.get()) != 0)
      throw system_error(fmt::format("cannot write '{}'", m_path.string()), errno);
    m_done = true;
  }

private:
  void take(std::string_view bytes) {
    m_received += bytes.size();
    if (m_received > m_id.size.count)
      throw Error(ErrorCode::corrupt, fmt::format("what the link of blob {} leads to is too long",
                                                  m_id.digest.substr(0, 12)));
    m_hash.update(bytes);
    write_all(m_file, bytes, m_path);
  }

  BlobId m_id;
  fs::path m_path;
  FileDescriptor m_file;
  Sha256 m_hash;
  std::uint64_t m_received = 0;
  bool m_done = false;
};

}  // namespace

std::string to_json(const StoreLinks& links) {
  return json{{"version", k_version}, {"records", links.records}, {"blobs", links.blobs}}.dump(2)
         + "\n";
}

Result<StoreLinks> parse_store_links(std::string_view text) {
  const json document = json::parse(text, nullptr, false);
  try {
    if (document.at("version") != k_version)
      return fail(ErrorCode::corrupt,
                  fmt::format("links of version {}", document["version"].dump()),
                  "a newer nestbox made them");
    StoreLinks links{document.at("records").get<std::map<std::string, std::string>>(),
                     document.at("blobs").get<std::map<std::string, std::string>>()};
    for (const auto& [name, record] : links.records)
      record_path(name);
    for (const auto& [digest, link] : links.blobs) {
      blob_path({digest, {}});
      if (!is_web_link(link))
        return fail(ErrorCode::corrupt, fmt::format("the link of blob {} leads not into the web",
                                                    digest.substr(0, 12)));
    }
    return links;
  } catch (const json::exception&) {
    return fail(ErrorCode::corrupt, "no file of links");
  } catch (const Error& error) {
    return fail(ErrorCode::corrupt, error.message);
  }
}

LinkedBlobStore::LinkedBlobStore(fs::path file) : m_file(std::move(file)) {
  Result<StoreLinks> links = parse_store_links(read_file(m_file, k_file_limit));
  if (!links)
    throw links.error().during(fmt::format("reading '{}'", m_file.string()));
  m_links = std::move(*links);
}

void LinkedBlobStore::refuse() const {
  throw Error(
      ErrorCode::unsupported,
      fmt::format("'{}' holds links to a store, by which it can be read only", m_file.string()),
      "name the store itself");
}

const std::string& LinkedBlobStore::link(const BlobId& id) const {
  const auto found = m_links.blobs.find(id.digest);
  if (found == m_links.blobs.end())
    throw Error(ErrorCode::not_found, fmt::format("'{}' has no link to blob {}", m_file.string(),
                                                  id.digest.substr(0, 12)));
  return found->second;
}

bool LinkedBlobStore::has(const BlobId& id, Deadline, const CancelToken&) {
  return m_links.blobs.contains(id.digest);
}

void LinkedBlobStore::get(const BlobId& id, const fs::path& destination, Deadline deadline,
                          const CancelToken& cancel) {
  const std::string& from = link(id);
  Download download(id, destination);
  for (int breaks = 0;;) {
    const Result<HttpReply> reply =
        catch_error([&] { return m_http.send(download.request(from), deadline, cancel); });
    if (!reply && reply.error().code == ErrorCode::io && ++breaks < k_most_breaks)
      continue;
    const int status = value_or_throw(reply).status;
    if (!reply->success())
      throw Error(status == 404 ? ErrorCode::not_found : ErrorCode::infrastructure,
                  fmt::format("the link to blob {} is answered with status {}",
                              id.digest.substr(0, 12), status),
                  "links end after a while: have new ones made by 'nestbox cache link'");
    return download.finish();
  }
}

std::string LinkedBlobStore::presigned_link(const BlobId& id, std::chrono::seconds, Deadline,
                                            const CancelToken&) {
  return link(id);
}

std::optional<std::string> LinkedBlobStore::record(const std::string& name, Deadline,
                                                   const CancelToken&) {
  const auto found = m_links.records.find(name);
  return found == m_links.records.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::string> LinkedBlobStore::records(const std::string& prefix, Deadline,
                                                  const CancelToken&) {
  std::vector<std::string> names;
  for (const auto& [name, record] : m_links.records)
    if (name.starts_with(prefix))
      names.push_back(name);
  return names;
}

void LinkedBlobStore::put(const BlobId&, const fs::path&, Deadline, const CancelToken&) {
  refuse();
}
void LinkedBlobStore::abandon(const BlobId&, Deadline, const CancelToken&) {
  refuse();
}
void LinkedBlobStore::remove(const BlobId&, Deadline, const CancelToken&) {
  refuse();
}
void LinkedBlobStore::put_record(const std::string&, std::string_view, Deadline,
                                 const CancelToken&) {
  refuse();
}
void LinkedBlobStore::remove_record(const std::string&, Deadline, const CancelToken&) {
  refuse();
}

}  // namespace nestbox
