// An engine's bytes: its lines of JSON are the same however they come, and nothing that it says of
// containers, images and jobs is taken for more than it is.
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "harness/base/error.hpp"
#include "harness/base/result.hpp"
#include "vmdrivers/docker/event_watcher.hpp"
#include "vmdrivers/docker/images.hpp"
#include "vmdrivers/docker/json_lines.hpp"
#include "vmdrivers/docker/leftovers.hpp"
#include "vmdrivers/docker/requests.hpp"
#include "vmdrivers/docker/stream_decoder.hpp"

namespace {

using namespace nestbox;
using namespace nestbox::docker;
using nlohmann::json;

void require(bool condition) {
  if (!condition)
    std::abort();
}

std::vector<json> lines_of(std::string_view bytes, std::size_t step) {
  std::vector<json> documents;
  const auto sink = [&](const json& document) { documents.push_back(document); };
  JsonLines lines;
  static_cast<void>(catch_error([&] {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(step, bytes.size())))
      lines.feed(bytes.substr(0, step), sink);
    lines.finish(sink);
  }));
  return documents;
}

std::string output_of(std::string_view bytes, std::size_t step) {
  std::string output;
  StreamDecoder decoder;
  const auto sink = [&](StreamDecoder::Stream, std::string_view part) { output += part; };
  while (!bytes.empty() && decoder.feed(bytes.substr(0, step), sink))
    bytes.remove_prefix(std::min(step, bytes.size()));
  return output;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::vector<json> documents = lines_of(bytes, bytes.size() + 1);
  require(lines_of(bytes, 3) == documents);
  require(output_of(bytes, 3) == output_of(bytes, bytes.size() + 1));
  JobNews job;
  for (const json& document : documents) {
    job.take(document);
    if (const auto event = parse_event(document))
      require(!event->container.empty());
    if (const auto id = catch_error([&] { return id_of(document); }))
      require(id->find('/') == id->npos);
    static_cast<void>(catch_error([&] { return engine_facts(document); }));
    static_cast<void>(dead_owner(document));
    static_cast<void>(used_memory(document));
  }
  static_cast<void>(catch_error([&] { return job.result(); }));
  return 0;
}
