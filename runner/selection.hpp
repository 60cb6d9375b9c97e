#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "harness/base/result.hpp"
#include "harness/model/definition.hpp"
#include "runner/marker_expr.hpp"

namespace nestbox {

/// What `-m`, `-k` and `--shard` ask for.
struct SelectionRequest {
  std::string markers = {};   ///< `-m`: an expression over markers
  std::string keywords = {};  ///< `-k`: an expression over case-insensitive parts of name, markers
                              ///< and environment or topology
  int shard_index = 0;        ///< from 0
  int shard_count = 1;        ///< the selected tests are dealt out to the shards one by one
};

struct Selection {
  std::vector<Test> tests;
  std::size_t deselected = 0;
};

/// Error(definition) for a bad expression, or for a word of `-m` that is neither a marker of any
/// test, a built-in marker nor registered ("did you mean"). Error(usage) for a shard that does not
/// exist. Implied markers: `vm` on a test that needs a machine, `nested`, `network`.
Result<Selection> select_tests(std::vector<Test> tests, const SelectionRequest& request,
                               const std::vector<std::string>& registered);

/// The test's markers with the implied ones.
std::vector<std::string> effective_markers(const Test& test);

}  // namespace nestbox
