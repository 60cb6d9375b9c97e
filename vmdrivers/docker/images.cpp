#include "vmdrivers/docker/images.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "harness/base/filesystem.hpp"
#include "harness/base/owner.hpp"
#include "harness/base/text.hpp"
#include "vmdrivers/docker/build_context.hpp"
#include "vmdrivers/docker/json_lines.hpp"
#include "vmdrivers/docker/json_text.hpp"
#include "vmdrivers/docker/requests.hpp"

namespace nestbox::docker {
namespace {

using nlohmann::json;

/// The repository of what is imported here.
constexpr const char* k_repository = "nestbox/rootfs";

std::function<std::size_t(char*, std::size_t)> reader(const fs::path& path) {
  auto file = std::make_shared<FileDescriptor>(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!*file)
    throw system_error("cannot read '" + path.string() + "'", errno);
  return [file, path](char* buffer, std::size_t size) {
    const ssize_t count = ::read(file->get(), buffer, size);
    if (count < 0)
      throw system_error("cannot read '" + path.string() + "'", errno);
    return static_cast<std::size_t>(count);
  };
}

std::string inspect(Engine& engine, const std::string& name, Deadline deadline,
                    const CancelToken& cancel) {
  // An image's name has slashes and colons of its own, which the engine takes as they are.
  return id_of(engine.call({.path = "/images/" + name + "/json"}, deadline, cancel));
}

std::string run_job(Engine& engine, EngineRequest request, Deadline deadline,
                    const CancelToken& cancel) {
  JsonLines lines;
  JobNews news;
  const auto take = [&](const json& document) { news.take(document); };
  request.method = "POST";
  request.sink = [&](std::string_view bytes) { lines.feed(bytes, take); };
  engine.call(request, deadline, cancel);
  lines.finish(take);
  return news.result();
}

std::string find_or_pull(Engine& engine, const std::string& name, Deadline deadline,
                         const CancelToken& cancel) {
  const Result<std::string> present =
      catch_error([&] { return inspect(engine, name, deadline, cancel); });
  if (present)
    return *present;
  if (present.error().code != ErrorCode::not_found)
    throw present.error();
  // Without a tag all of the repository's would be pulled.
  const std::size_t slash = name.rfind('/');
  const bool tagged = name.find_first_of(":@", slash == name.npos ? 0 : slash) != name.npos;
  try {
    run_job(engine,
            {.path = "/images/create" + query({{"fromImage", tagged ? name : name + ":latest"}})},
            deadline, cancel);
  } catch (Error& error) {
    error.hint = "pull or load it with the engine's own tools, or check its name";
    throw error.during("pulling image '" + name + "'");
  }
  return inspect(engine, name, deadline, cancel);
}

std::string load(Engine& engine, const fs::path& archive, Deadline deadline,
                 const CancelToken& cancel) {
  const std::string name = run_job(
      engine, {.path = "/images/load?quiet=1", .archive = reader(archive)}, deadline, cancel);
  if (name.empty())
    throw Error(ErrorCode::infrastructure, "there is no image in '" + archive.string() + "'",
                "'docker-archive:' takes what 'docker save' writes");
  return inspect(engine, name, deadline, cancel);
}

std::string build(Engine& engine, const fs::path& directory, Deadline deadline,
                  const CancelToken& cancel) {
  const TemporaryDirectory scratch("nestbox-context");
  const fs::path context = scratch.path() / "context.tar";
  write_build_context(directory, context);
  const std::string id = run_job(
      engine,
      {.path =
           "/build"
           + query({{"rm", "1"}, {"forcerm", "1"}, {"labels", json({{k_ours_label, "1"}}).dump()}}),
       .archive = reader(context)},
      deadline, cancel);
  if (id.empty())
    throw Error(ErrorCode::infrastructure, "the engine does not say what it has built");
  return inspect(engine, id, deadline, cancel);
}

}  // namespace

ImageSource parse_image(const std::string& image) {
  using Kind = ImageSource::Kind;
  for (const auto& [prefix, kind] : {std::pair{std::string_view("docker:"), Kind::name},
                                     std::pair{std::string_view("docker-archive:"), Kind::archive},
                                     std::pair{std::string_view("dockerfile:"), Kind::dockerfile}})
    if (image.starts_with(prefix) && image.size() > prefix.size())
      return {kind, image.substr(prefix.size())};
  throw Error(ErrorCode::usage, "'" + printable(image) + "' is no image of driver 'docker'",
              "it takes 'docker:NAME', 'docker-archive:FILE' and 'dockerfile:DIRECTORY'");
}

std::string find_or_make_image(Engine& engine, const ImageSource& source, Deadline deadline,
                               const CancelToken& cancel) {
  switch (source.kind) {
  case ImageSource::Kind::name:
    return find_or_pull(engine, source.place, deadline, cancel);
  case ImageSource::Kind::archive:
    try {
      return load(engine, source.place, deadline, cancel);
    } catch (const Error& error) {
      throw error.during("loading '" + source.place + "'");
    }
  case ImageSource::Kind::dockerfile:
    break;
  }
  try {
    return build(engine, source.place, deadline, cancel);
  } catch (const Error& error) {
    throw error.during("building '" + source.place + "'");
  }
}

std::string find_or_import(Engine& engine, const fs::path& archive, const std::string& digest,
                           Deadline deadline, const CancelToken& cancel) {
  const std::string name = fmt::format("{}:{}", k_repository, digest);
  const Result<std::string> present =
      catch_error([&] { return inspect(engine, name, deadline, cancel); });
  if (present)
    return *present;
  if (present.error().code != ErrorCode::not_found)
    throw present.error();
  return run_job(engine,
                 {.path = "/images/create"
                          + query({{"fromSrc", "-"},
                                   {"repo", name},
                                   {"changes", fmt::format("LABEL {}=1", k_ours_label)}}),
                  .archive = reader(archive)},
                 deadline, cancel);
}

void JobNews::take(const json& news) {
  if (!news.is_object())
    return;
  if (const std::string complaint = text_at(news, "error"); !complaint.empty())
    m_complaint = complaint;
  if (const auto aux = news.find("aux"); aux != news.end())
    if (const std::string id = text_at(*aux, "ID"); !id.empty())
      m_id = id;
  if (const std::string status = text_at(news, "status"); status.starts_with("sha256:"))
    m_id = status;
  for (const std::string_view prefix : {"Loaded image: ", "Loaded image ID: "})
    if (const std::string line = text_at(news, "stream"); line.starts_with(prefix))
      m_id = trim(std::string_view(line).substr(prefix.size()));
}

std::string JobNews::result() const {
  if (!m_complaint.empty())
    throw Error(ErrorCode::infrastructure,
                "the container engine refused: " + printable(m_complaint));
  return m_id;
}

}  // namespace nestbox::docker
