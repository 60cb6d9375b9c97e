#include "harness/env/layer_manifest.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"
#include "harness/env/file_stamp.hpp"
#include "harness/env/sparse_digest.hpp"

namespace nestbox {
namespace {

using json = nlohmann::json;

constexpr int k_version = 1;
constexpr Bytes k_manifest_limit = mebibytes(16);

json without_digest(const LayerManifest& manifest) {
  json files = json::array();
  for (const LayerManifest::File& file : manifest.files)
    files.push_back({{"name", file.name}, {"size", file.size.count}, {"digest", file.digest}});
  return {{"version", k_version},
          {"kind", manifest.kind},
          {"description", manifest.description},
          {"created", manifest.created.time_since_epoch().count()},
          {"files", std::move(files)}};
}

struct stat stat_file(const fs::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0)
    throw system_error(fmt::format("cannot read '{}'", path.string()), errno);
  return status;
}

}  // namespace

LayerManifest describe_layer(const fs::path& directory, std::string kind, std::string description) {
  LayerManifest manifest{std::move(kind), std::move(description), {}, {}};
  manifest.created = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(directory)) {
    const std::string name = entry.path().lexically_relative(directory).string();
    const fs::file_type type = entry.symlink_status().type();
    if (type == fs::file_type::directory || name == k_manifest_name)
      continue;
    if (type != fs::file_type::regular)
      throw Error(ErrorCode::infrastructure,
                  fmt::format("'{}' in a layer is not a regular file", name));
    manifest.files.push_back({name, {entry.file_size()}, sparse_digest(entry.path())});
  }
  std::ranges::sort(manifest.files, {}, &LayerManifest::File::name);
  return manifest;
}

std::string LayerManifest::content() const {
  Sha256 hash;
  for (const File& file : files)
    hash.field(file.name, file.digest);
  return hash.hex();
}

std::string to_json(const LayerManifest& manifest) {
  json object = without_digest(manifest);
  object["digest"] = sha256(object.dump());
  return object.dump() + "\n";
}

Result<LayerManifest> parse_manifest(std::string_view text) {
  try {
    const json object = json::parse(text);
    if (object.at("version") != k_version)
      return fail(ErrorCode::corrupt,
                  fmt::format("layer.json has version {}", object.at("version").dump()));
    LayerManifest manifest{object.at("kind"), object.at("description"), {}, {}};
    manifest.created =
        std::chrono::sys_seconds(std::chrono::seconds(object.at("created").get<std::int64_t>()));
    for (const json& file : object.at("files")) {
      const std::string name = file.at("name");
      if (!path_beneath("/", name))
        return fail(ErrorCode::corrupt, "layer.json names a file outside the layer");
      manifest.files.push_back({name, {file.at("size").get<std::uint64_t>()}, file.at("digest")});
    }
    if (to_json(manifest) != text)
      return fail(ErrorCode::corrupt, "layer.json does not match its own digest");
    return manifest;
  } catch (const json::exception& error) {
    return fail(ErrorCode::corrupt,
                fmt::format("layer.json cannot be read: {}", printable(error.what())));
  }
}

Result<LayerManifest> read_manifest(const fs::path& directory) {
  Result<std::string> text =
      catch_error([&] { return read_file(directory / k_manifest_name, k_manifest_limit); });
  if (!text)
    return fail(ErrorCode::corrupt, text.error().message);
  return parse_manifest(*text);
}

Result<void> verify_layer(const fs::path& directory, const LayerManifest& manifest) {
  for (const LayerManifest::File& file : manifest.files) {
    const Result<std::string> found = catch_error([&]() -> std::string {
      const struct stat status = stat_file(directory / file.name);
      if (!S_ISREG(status.st_mode) || static_cast<std::uint64_t>(status.st_size) != file.size.count)
        return "another size";
      return sparse_digest(directory / file.name);
    });
    if (!found)
      return fail(ErrorCode::corrupt, found.error().message);
    if (*found != file.digest)
      return fail(ErrorCode::corrupt, fmt::format("'{}' is not what was published", file.name));
  }
  return {};
}

Result<std::string> layer_fingerprint(const fs::path& directory, const LayerManifest& manifest) {
  bool racy = false;
  std::string text = manifest.content() + "\n";
  const Result<void> done = catch_error([&] {
    for (const LayerManifest::File& file : manifest.files) {
      const std::string stamp = file_stamp(directory / file.name);
      racy = racy || stamp.empty();
      text += stamp + " " + file.name + "\n";
    }
  });
  if (!done)
    return fail(ErrorCode::corrupt, done.error().message);
  return racy ? std::string() : text;
}

}  // namespace nestbox
