#pragma once

#include <string>
#include <vector>

namespace nestbox {

/// `nestbox cache …`: each prints for a person or as JSON and returns the exit code. Throws Error.
int list_cache(bool json);
int collect_cache(const std::string& keep, bool json);
/// 3 when an entry was damaged (it is set aside then, and built again when it is next needed).
int verify_cache(bool json);
/// `keys`: whole ones, beginnings of at least 8 characters, or "all". Error(not_found),
/// Error(usage) when ambiguous.
int drop_from_cache(const std::vector<std::string>& keys, bool json);

}  // namespace nestbox
