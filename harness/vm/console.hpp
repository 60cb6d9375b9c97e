#pragma once

#include <string>

namespace nestbox {

/// The part of a machine's console that says most, for a person: a panic's first lines, else the
/// last; at most 12, printable, without a newline at the end.
std::string telling_lines(const std::string& console);

}  // namespace nestbox
