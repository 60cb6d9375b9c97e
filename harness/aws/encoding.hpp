#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nestbox::aws {

/// Percent-encoded the way a signature wants it: everything but letters, digits and `-_.~`, and
/// with `keep_slashes` but '/'. Source: RFC 3986, section 2.3.
std::string uri_encode(std::string_view text, bool keep_slashes = false);

using Fields = std::vector<std::pair<std::string, std::string>>;

/// "a=1&b=two%20words": in their order, each encoded; one without a value keeps its '='.
std::string form(const Fields& fields);

/// form() sorted as a canonical request wants it.
std::string canonical_query(Fields fields);

/// "20260131T235959Z".
std::string timestamp(std::chrono::sys_seconds time);

/// Whole seconds of "2026-01-31T23:59:59Z", or with ".000Z"; nothing for anything else.
std::optional<std::chrono::sys_seconds> parse_timestamp(std::string_view text);

}  // namespace nestbox::aws
