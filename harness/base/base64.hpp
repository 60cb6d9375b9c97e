#pragma once

#include <string>
#include <string_view>

namespace nestbox {

std::string base64(std::string_view bytes);
/// Empty for what is no base64; line ends within are skipped.
std::string from_base64(std::string_view text);

}  // namespace nestbox
