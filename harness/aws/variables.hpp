#pragma once

#include <map>
#include <optional>
#include <string>

namespace nestbox::aws {

/// The environment variables that AWS tools read: ours, or a test's.
using Variables = std::map<std::string, std::string>;

/// Those of this process whose names begin with "AWS_", and HOME.
Variables variables_of_this_process();

/// Nothing when it is unset or empty.
std::optional<std::string> find(const Variables& variables, const std::string& name);

}  // namespace nestbox::aws
