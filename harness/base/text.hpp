#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nestbox {

std::vector<std::string> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string_view trim(std::string_view text);

/// The candidate nearest to `name` by edits (insert, delete, replace, swap), or empty when none is
/// near enough (more than a third of the name's length, at least one).
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

/// "did you mean 'x'?", or "" when nothing is near.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates);

/// One argv as a POSIX shell would have to be given it; for display and for `sh -c` of our own
/// words only.
std::string shell_quote(const std::vector<std::string>& argv);

/// `text` with control bytes (but \n and \t) and invalid UTF-8 made visible as \xNN, so that
/// foreign bytes cannot drive the reader's terminal or break a report.
std::string printable(std::string_view text);

/// True when `name` matches the shell-like `pattern` (`*` within a path part, `**` across parts,
/// `?`, `[a-z]`).
bool glob_match(std::string_view pattern, std::string_view name);

}  // namespace nestbox
