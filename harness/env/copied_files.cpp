#include "harness/env/copied_files.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include "harness/base/hash.hpp"
#include "harness/env/file_list.hpp"

namespace nestbox {
namespace {

void hash_file(const fs::path& root, const std::string& name, Sha256& hash) {
  const fs::path path = root / name;
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0)
    throw system_error(fmt::format("cannot read '{}'", path.string()), errno);
  hash.field("name", name);
  if (S_ISLNK(status.st_mode))
    hash.field("symlink", fs::read_symlink(path).string());
  else if (S_ISDIR(status.st_mode))
    hash.field("directory", "");
  else
    hash.field("mode", std::to_string(status.st_mode & 07777)).field("content", sha256_file(path));
}

}  // namespace

fs::path source_beside(std::string_view source, const fs::path& base_directory) {
  const auto refuse = [&](std::string_view why) {
    return Error(
        ErrorCode::definition, fmt::format("cannot take '{}': {}", source, why),
        fmt::format("sources are beside nestbox.yml, below '{}'", base_directory.string()));
  };
  const std::optional<fs::path> path = path_beneath(base_directory, source);
  if (!path)
    throw refuse("it is outside");
  std::error_code error;
  const fs::path real = fs::canonical(*path, error);
  if (error)
    throw refuse("it does not exist");
  const fs::path relative = real.lexically_relative(fs::canonical(base_directory));
  if (relative.empty() || *relative.begin() == "..")
    throw refuse("it leads outside");
  return real;
}

std::string hash_copied(const fs::path& source) {
  Sha256 hash;
  if (fs::is_directory(source))
    for (const std::string& name : list_files(source))
      hash_file(source, name, hash);
  else
    hash_file(source.parent_path(), source.filename().string(), hash);
  return hash.hex();
}

void put_copied(const fs::path& source, const std::string& destination, Transport& transport,
                Deadline deadline, const CancelToken& cancel) {
  if (fs::is_directory(source))
    return transport.put(source, list_files(source), destination, deadline, cancel);
  // A file lands under its destination's name: a folder of ours holds it under that name.
  const fs::path target = destination;
  const std::string name = target.has_filename() ? target.filename() : source.filename();
  const TemporaryDirectory folder;
  fs::copy_file(source, folder.path() / name);
  transport.put(folder.path(), {name}, target.parent_path().string(), deadline, cancel);
}

}  // namespace nestbox
