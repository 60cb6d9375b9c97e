#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nestbox {

/// One place that packages of a Debian suite come from.
struct AptSource {
  std::string uri;
  std::string suite;
  std::vector<std::string> components;
  std::string signed_by;  ///< a keyring's path; empty: apt's own trust

  bool operator==(const AptSource&) const = default;
};

/// Reads a sources.list(5) text, one-line (`deb822` false) or deb822 style. Disabled, source-only
/// and unreadable entries are left out.
std::vector<AptSource> parse_apt_sources(std::string_view text, bool deb822);

/// Those that make up Debian's `suite`: it, its -updates and its -security, with Debian's own
/// keyring; nobody else's packages for that suite.
std::vector<AptSource> sources_of_suite(const std::vector<AptSource>& all,
                                        const std::string& suite);

/// Where this host gets `suite` from: the mirror in NESTBOX_DEBIAN_MIRROR, else the host's own
/// sources that carry the suite, else Debian's public mirror. Never empty. Error(infrastructure)
/// when Debian's keyring is absent.
std::vector<AptSource> host_apt_sources(const std::string& suite);

/// One `deb` line each.
std::string format_apt_sources(const std::vector<AptSource>& sources);

}  // namespace nestbox
