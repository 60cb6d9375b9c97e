#pragma once

#include <map>
#include <string>
#include <string_view>

#include "harness/aws/variables.hpp"
#include "harness/base/result.hpp"

namespace nestbox::aws {

/// Profile name → its settings.
using Profiles = std::map<std::string, std::map<std::string, std::string>>;

/// Reads the text of `~/.aws/config` or `~/.aws/credentials`: `[default]`, `[profile NAME]` or
/// `[NAME]`, `key = value`; lines that begin with '#' or ';' are comments, indented ones belong to
/// the setting above and are skipped. Sections of other kinds (`[sso-session x]`) too.
/// Error(definition) with the line's number, but never its text: it may hold a secret.
/// Source: "Configuration and credential file settings" in the AWS CLI's user guide.
Result<Profiles> parse_profiles(std::string_view text, const std::string& file);

/// What both files say of one profile; the credentials file wins. The files are those that
/// AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name, else those below ~/.aws; one that is
/// absent holds nothing. Throws Error(definition).
struct Profile {
  std::string name;    ///< AWS_PROFILE, or "default"
  bool named = false;  ///< by AWS_PROFILE
  bool found = false;
  std::map<std::string, std::string> settings;
};
Profile read_profile(const Variables& variables);

}  // namespace nestbox::aws
