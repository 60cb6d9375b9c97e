// A test's bytes at its scoped socket: whatever is asked, what is sent on is one request to what is
// the scope's own, and a container that is let through reaches nothing else.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "vmdrivers/docker/build_archive.hpp"
#include "vmdrivers/docker/proxied_request.hpp"
#include "vmdrivers/docker/scope.hpp"

namespace {

using namespace nestbox::docker;
using nlohmann::json;

void require(bool condition) {
  if (!condition)
    std::abort();
}

const Scope k_scope{.id = "5f", .owner = "0@boot:1:2"};

ScopeLookup lookup() {
  const auto own = [](const std::string& name) {
    return name.starts_with("own") ? std::optional<std::string>("0af3") : std::nullopt;
  };
  return {own, own, own, own, own, own};
}

void check_container(const json& body) {
  require(body["Labels"]["nestbox.scope"] == "5f");
  const json& host = body["HostConfig"];
  require(host.value("Privileged", json(false)) != json(true));
  require(host["NetworkMode"] != "host");
  if (host.contains("Binds"))
    for (const json& bind : host["Binds"])
      require(!bind.is_string() || !bind.get<std::string>().starts_with('/')
              || bind.get<std::string>().find(':') == std::string::npos);
}

std::string built(std::string_view bytes, std::size_t step) {
  BuildArchive archive("Dockerfile", [](const std::string& image) { return "own/" + image; });
  std::string out;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(step, bytes.size())))
    out += archive.take(bytes.substr(0, step));
  return out + archive.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t end = bytes.find("\r\n\r\n");
  const std::string head = bytes.substr(0, end == bytes.npos ? end : end + 4);
  const auto request = parse_request(head);
  if (!request)
    return 0;
  json body;
  if (end != bytes.npos) {
    RequestBody framed(head);
    static_cast<void>(framed.feed(bytes.substr(end + 4)));
    // Also as if it were well framed, so that the rules themselves are reached.
    body = json::parse(framed.done() ? framed.bytes() : bytes.substr(end + 4), nullptr, false);
    if (body.is_discarded())
      body = json();
  }
  const ScopeVerdict verdict =
      decide(k_scope, request->method, without_version(request->target), body, lookup());
  if (verdict.kind == ScopeVerdict::Kind::relay || verdict.kind == ScopeVerdict::Kind::rewrite) {
    require(verdict.target.starts_with('/'));
    for (const char byte : verdict.target)
      require(byte > ' ' && byte < 0x7f);
    require(parse_request(forwarded_head(*request, verdict.target)).has_value());
  }
  if (verdict.body && verdict.target.starts_with("/containers/create"))
    check_container(*verdict.body);
  static_cast<void>(unscoped(body, k_scope));
  UnframedReply reply;
  static_cast<void>(reply.take(bytes));
  if (end != bytes.npos) {
    const std::string archive = bytes.substr(end + 4);
    require(built(archive, 7) == built(archive, archive.size() + 1));
  }
  return 0;
}
