#include "harness/aws/profile_file.hpp"

#include <fmt/format.h>

#include "harness/base/filesystem.hpp"
#include "harness/base/text.hpp"

namespace nestbox::aws {
namespace {

constexpr Bytes k_limit = mebibytes(1);

/// The profile that a section's header names; empty for sections of another kind.
std::string profile_name(std::string_view header) {
  const std::size_t space = header.find_first_of(" \t");
  if (space == header.npos)
    return std::string(header);
  return header.substr(0, space) == "profile" ? std::string(trim(header.substr(space)))
                                              : std::string();
}

Profiles read_file_of_profiles(const fs::path& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored))
    return {};
  return value_or_throw(parse_profiles(read_file(path, k_limit), path.string()));
}

fs::path file_path(const Variables& variables, const char* variable, const char* name) {
  if (const std::optional<std::string> given = find(variables, variable))
    return *given;
  return fs::path(find(variables, "HOME").value_or("/")) / ".aws" / name;
}

}  // namespace

Result<Profiles> parse_profiles(std::string_view text, const std::string& file) {
  Profiles profiles;
  std::string current;
  int number = 0;
  bool in_section = false;
  for (const std::string& line : split(text, '\n')) {
    ++number;
    const auto refused = [&](const char* why) {
      return fail(ErrorCode::definition, fmt::format("'{}', line {}: {}", file, number, why));
    };
    const std::string_view content = trim(line);
    if (content.empty() || content.starts_with('#') || content.starts_with(';')
        || line.starts_with(' ') || line.starts_with('\t'))
      continue;
    if (content.starts_with('[')) {
      const std::size_t end = content.find(']');
      if (end == content.npos)
        return refused("a section's name has no ']'");
      current = profile_name(trim(content.substr(1, end - 1)));
      in_section = true;
      if (!current.empty())
        profiles[current];
      continue;
    }
    const std::size_t equals = content.find('=');
    if (equals == content.npos || !in_section)
      return refused(in_section ? "neither '[section]' nor 'key = value'"
                                : "a setting before the first '[section]'");
    if (!current.empty())
      profiles[current][std::string(trim(content.substr(0, equals)))] =
          trim(content.substr(equals + 1));
  }
  return profiles;
}

Profile read_profile(const Variables& variables) {
  const std::optional<std::string> asked = find(variables, "AWS_PROFILE");
  Profile profile{asked.value_or("default"), asked.has_value(), false, {}};
  // The later file wins.
  for (const fs::path& path :
       {file_path(variables, "AWS_CONFIG_FILE", "config"),
        file_path(variables, "AWS_SHARED_CREDENTIALS_FILE", "credentials")}) {
    const Profiles profiles = read_file_of_profiles(path);
    const auto found = profiles.find(profile.name);
    if (found == profiles.end())
      continue;
    profile.found = true;
    for (const auto& [key, value] : found->second)
      profile.settings[key] = value;
  }
  return profile;
}

}  // namespace nestbox::aws
