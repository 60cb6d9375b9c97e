#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.hpp"
#include "harness/model/topology.hpp"
#include "harness/model/verb.hpp"
#include "harness/model/verb_usage.hpp"

namespace nestbox {

/// A mistake in the words of a verb.
struct VerbMistake {
  std::size_t word = 0;  ///< the word that it is about; how many there are: one is missing
  std::string message;
  std::string hint;
};

/// Reads a verb and its arguments ({"exec", "a", "--", "ls"}), at most 4096 words of 1 MiB in all.
/// With a topology, the machines, networks and links named must be in it. Pure.
tl::expected<Verb, VerbMistake> read_verb(const std::vector<std::string>& words,
                                          const Topology* topology = nullptr);

/// The same; throws Error(usage).
Verb parse_verb(const std::vector<std::string>& words, const Topology* topology = nullptr);

/// The words that read_verb reads back.
std::vector<std::string> verb_words(const Verb& verb);

/// They as one line, quoted for a shell: "exec a,b --timeout 30s -- ls".
std::string to_string(const Verb& verb);

}  // namespace nestbox
