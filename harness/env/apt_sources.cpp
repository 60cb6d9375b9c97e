#include "harness/env/apt_sources.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <sstream>

#include "harness/base/filesystem.hpp"
#include "harness/base/text.hpp"

namespace nestbox {
namespace {

constexpr const char* k_debian_keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
constexpr const char* k_public_mirror = "http://deb.debian.org/debian";

std::vector<std::string> words(std::string_view text) {
  std::istringstream stream{std::string(text)};
  std::vector<std::string> result;
  for (std::string word; stream >> word;)
    result.push_back(word);
  return result;
}

void add_one_line(std::string_view line, std::vector<AptSource>& sources) {
  std::vector<std::string> parts = words(line.substr(0, line.find('#')));
  if (parts.size() < 3 || parts[0] != "deb")
    return;
  AptSource source;
  std::size_t next = 1;
  if (parts[next].starts_with('[')) {
    for (bool last = false; next < parts.size() && !last; ++next) {
      std::string option = parts[next];
      last = option.ends_with(']');
      std::erase_if(option, [](char c) { return c == '[' || c == ']'; });
      if (option.starts_with("signed-by="))
        source.signed_by = option.substr(std::string_view("signed-by=").size());
    }
  }
  if (next + 1 >= parts.size())
    return;
  source.uri = parts[next];
  source.suite = parts[next + 1];
  source.components.assign(parts.begin() + static_cast<std::ptrdiff_t>(next) + 2, parts.end());
  sources.push_back(std::move(source));
}

void add_stanza(std::map<std::string, std::string>& fields, std::vector<AptSource>& sources) {
  const std::vector<std::string> types = words(fields["types"]);
  if (fields["enabled"] != "no" && std::ranges::find(types, "deb") != types.end())
    for (const std::string& uri : words(fields["uris"]))
      for (const std::string& suite : words(fields["suites"]))
        sources.push_back(
            {uri, suite, words(fields["components"]), std::string(trim(fields["signed-by"]))});
  fields.clear();
}

}  // namespace

std::vector<AptSource> parse_apt_sources(std::string_view text, bool deb822) {
  std::vector<AptSource> sources;
  std::map<std::string, std::string> fields;
  std::string* last = nullptr;
  for (const std::string& line : split(text, '\n')) {
    if (!deb822) {
      add_one_line(line, sources);
    } else if (trim(line).empty()) {
      add_stanza(fields, sources);
      last = nullptr;
    } else if (line.starts_with('#')) {
      continue;
    } else if ((line.starts_with(' ') || line.starts_with('\t')) && last) {
      *last += "\n" + line;
    } else if (const std::size_t colon = line.find(':'); colon != std::string::npos) {
      std::string name = line.substr(0, colon);
      std::ranges::transform(name, name.begin(),
                             [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      last = &(fields[name] = std::string(trim(std::string_view(line).substr(colon + 1))));
    }
  }
  add_stanza(fields, sources);
  return sources;
}

std::vector<AptSource> sources_of_suite(const std::vector<AptSource>& all,
                                        const std::string& suite) {
  std::vector<AptSource> chosen;
  for (const AptSource& source : all) {
    const bool named = source.suite == suite || source.suite == suite + "-updates"
                       || source.suite == suite + "-security";
    // Others publish for the suite under its very name; Debian's own has 'main' and is signed by
    // Debian.
    const bool main = std::ranges::find(source.components, "main") != source.components.end();
    const bool debian =
        source.signed_by.empty() || source.signed_by.find("debian-archive") != std::string::npos;
    if (named && main && debian && std::ranges::find(chosen, source) == chosen.end())
      chosen.push_back(source);
  }
  const bool complete =
      std::ranges::any_of(chosen, [&](const AptSource& source) { return source.suite == suite; });
  return complete ? chosen : std::vector<AptSource>();
}

std::vector<AptSource> host_apt_sources(const std::string& suite) {
  std::string mirror = k_public_mirror;
  if (const char* chosen = std::getenv("NESTBOX_DEBIAN_MIRROR"); chosen && *chosen) {
    mirror = chosen;
  } else {
    std::vector<AptSource> all;
    std::vector<fs::path> files = {"/etc/apt/sources.list"};
    std::error_code error;
    for (const fs::directory_entry& entry :
         fs::directory_iterator("/etc/apt/sources.list.d", error))
      files.push_back(entry.path());
    std::ranges::sort(files);
    for (const fs::path& file : files) {
      const bool deb822 = file.extension() == ".sources";
      if (!deb822 && file.extension() != ".list")
        continue;
      if (const Result<std::string> text =
              catch_error([&] { return read_file(file, mebibytes(1)); }))
        std::ranges::move(parse_apt_sources(*text, deb822), std::back_inserter(all));
    }
    if (std::vector<AptSource> own = sources_of_suite(all, suite); !own.empty())
      return own;
  }
  if (!fs::exists(k_debian_keyring))
    throw Error(ErrorCode::infrastructure, "this host has no keys to trust a Debian mirror by",
                "apt-get install debian-archive-keyring");
  const std::string keyring = k_debian_keyring;
  std::vector<AptSource> sources = {{mirror, suite, {"main"}, keyring}};
  if (suite == "sid" || suite == "unstable" || suite == "testing")
    return sources;  // they have no -updates, and need no -security
  sources.push_back({mirror, suite + "-updates", {"main"}, keyring});
  if (mirror.ends_with("/debian"))
    sources.push_back({mirror + "-security", suite + "-security", {"main"}, keyring});
  return sources;
}

std::string format_apt_sources(const std::vector<AptSource>& sources) {
  std::string text;
  for (const AptSource& source : sources)
    text += fmt::format("deb {}{} {} {}\n",
                        source.signed_by.empty() ? "" : "[signed-by=" + source.signed_by + "] ",
                        source.uri, source.suite, join(source.components, " "));
  return text;
}

}  // namespace nestbox
