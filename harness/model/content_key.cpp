#include "harness/model/content_key.hpp"

#include "harness/base/hash.hpp"

namespace nestbox {

std::string content_key(const Step& step, const std::string& content_hash) {
  Sha256 hash;
  if (const RunStep* run = std::get_if<RunStep>(&step)) {
    hash.field("step", "run").field("script", run->script);
  } else {
    // The source's name is no part of it: the same files under another name make the same layer.
    hash.field("step", "copy")
        .field("destination", std::get<CopyStep>(step).destination)
        .field("content", content_hash);
  }
  return hash.hex();
}

}  // namespace nestbox
