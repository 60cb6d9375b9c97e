#include "vmdrivers/docker/container_removal.hpp"

namespace nestbox::docker {

Result<void> remove_container(Engine& engine, const std::string& id, Deadline deadline,
                              const CancelToken& cancel) {
  const std::string path = "/containers/" + path_part(id);
  const auto gone = [&](const EngineRequest& request) -> Result<void> {
    Result<void> done = catch_error([&] { engine.call(request, deadline, cancel); });
    return !done && done.error().code == ErrorCode::not_found ? Result<void>() : done;
  };
  const Result<void> removed = gone({.method = "DELETE", .path = path + "?force=1&v=1"});
  // When it has ended by itself the engine is about to remove it, and refuses to be told so.
  if (removed || gone({.method = "POST", .path = path + "/wait?condition=removed"}))
    return {};
  return removed;
}

}  // namespace nestbox::docker
