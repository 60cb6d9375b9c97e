#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace nestbox {

/// What one source file (`path` from the root) includes against the rules of the floors:
/// "file:line: 'x' … rule".
std::vector<std::string> layer_violations(const std::string& path, std::string_view source);

/// The same for every source file below harness, vmdrivers, runner, ci and benchmarks of `root`.
std::vector<std::string> layer_violations_below(const std::filesystem::path& root);

}  // namespace nestbox
