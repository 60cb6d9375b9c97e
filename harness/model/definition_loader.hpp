#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "harness/base/result.hpp"
#include "harness/model/definition.hpp"

namespace nestbox {

/// Every mistake found in one definition, in the order of the text; never empty when loading
/// failed.
struct DefinitionErrors {
  std::vector<Error> errors;  ///< each ErrorCode::definition with `where`
};

/// Parses nestbox.yml (version 1). `file` is the name for messages. Bounded: 16 MiB of text (room
/// for 100,000 tests), depth 32, no aliases. Never throws for bad input.
tl::expected<Definition, DefinitionErrors> load_definition(std::string_view yaml,
                                                           std::string_view file);

/// Reads and parses, and looks whether the files that scripts and copy steps name exist; a missing
/// or unreadable file is one Error(not_found / io). `shown`: the file's name in messages, empty:
/// the path.
tl::expected<Definition, DefinitionErrors> load_definition_file(const std::filesystem::path& path,
                                                                std::string_view shown = {});

/// A test from one script: its needs taken from a comment within the first 30 lines,
/// `# nestbox: markers=vm,network timeout=2m environment=debian`. `name` becomes the test's name,
/// `./name` its command.
tl::expected<Test, DefinitionErrors>
load_script_header(std::string_view text, std::string_view name, const Definition& definition);

/// The JSON Schema (draft 2020-12) of nestbox.yml version 1, as shipped in
/// docs/reference/nestbox.schema.json.
std::string_view definition_schema();

}  // namespace nestbox
