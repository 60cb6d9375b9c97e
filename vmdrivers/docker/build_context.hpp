#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace nestbox::docker {

/// What `.dockerignore` leaves out: one pattern a line, `!` takes back, `#` begins a comment; a
/// directory that is left out takes what is below it along.
class IgnoreRules {
public:
  explicit IgnoreRules(std::string_view text);
  bool ignores(const std::string& path) const;

private:
  struct Rule {
    std::string pattern;
    bool keeps;
  };
  std::vector<Rule> m_rules;
};

/// Writes what an engine builds an image from: the tree with the Dockerfile, but for what its
/// `.dockerignore` leaves out, as a tar. Throws Error(not_found) when there is no
/// Dockerfile, Error(io), Error(unsupported) for a file that is neither regular, nor a directory,
/// nor a symlink.
void write_build_context(const std::filesystem::path& directory,
                         const std::filesystem::path& archive);

}  // namespace nestbox::docker
