#include "vmdrivers/docker/build_context.hpp"

#include <algorithm>
#include <fstream>
#include <vector>

#include "harness/base/error.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/tar_writer.hpp"
#include "harness/base/text.hpp"

namespace nestbox::docker {
namespace {

/// In one order, so that an unchanged tree is the same archive and the engine's own cache knows it.
std::vector<fs::path> sorted_tree(const fs::path& root) {
  std::vector<fs::path> paths;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root))
    paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

void add(TarWriter& archive, const fs::path& path, const std::string& name) {
  const fs::file_status status = fs::symlink_status(path);
  const auto mode = static_cast<unsigned>(status.permissions() & fs::perms::mask);
  switch (status.type()) {
  case fs::file_type::directory:
    return archive.directory(name, mode);
  case fs::file_type::symlink:
    return archive.symlink(name, fs::read_symlink(path));
  case fs::file_type::regular:
    return archive.host_file(name, path, mode);
  default:
    throw Error(ErrorCode::unsupported,
                "'" + path.string() + "' is neither a file, nor a directory, nor a symlink");
  }
}

IgnoreRules rules_of(const fs::path& directory) {
  const fs::path file = directory / ".dockerignore";
  return IgnoreRules(fs::is_regular_file(file) ? read_file(file, mebibytes(1)) : "");
}

}  // namespace

IgnoreRules::IgnoreRules(std::string_view text) {
  for (const std::string& line : split(text, '\n')) {
    std::string_view pattern = trim(line);
    if (pattern.empty() || pattern.starts_with('#'))
      continue;
    const bool keeps = pattern.starts_with('!');
    if (keeps)
      pattern.remove_prefix(1);
    std::string normal = fs::path(pattern).lexically_normal().relative_path().string();
    if (normal.ends_with('/'))
      normal.pop_back();
    m_rules.push_back({std::move(normal), keeps});
  }
}

bool IgnoreRules::ignores(const std::string& path) const {
  bool ignored = false;
  for (const Rule& rule : m_rules)
    for (fs::path part = path; !part.empty() && ignored != !rule.keeps; part = part.parent_path())
      if (glob_match(rule.pattern, part.string()))
        ignored = !rule.keeps;
  return ignored;
}

void write_build_context(const fs::path& directory, const fs::path& archive) {
  if (!fs::is_regular_file(directory / "Dockerfile"))
    throw Error(ErrorCode::not_found, "there is no Dockerfile in '" + directory.string() + "'");
  std::ofstream file(archive, std::ios::binary);
  TarWriter writer([&](std::string_view piece) {
    file.write(piece.data(), static_cast<std::streamsize>(piece.size()));
  });
  const IgnoreRules rules = rules_of(directory);
  for (const fs::path& path : sorted_tree(directory)) {
    const std::string name = path.lexically_relative(directory);
    // The engine itself needs the Dockerfile, whoever else shall not see it.
    if (name == "Dockerfile" || !rules.ignores(name))
      add(writer, path, name);
  }
  writer.finish();
  file.close();
  if (!file)
    throw Error(ErrorCode::io, "cannot write '" + archive.string() + "'", "is the disk full?");
}

}  // namespace nestbox::docker
