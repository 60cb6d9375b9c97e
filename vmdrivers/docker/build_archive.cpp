#include "vmdrivers/docker/build_archive.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "harness/base/text.hpp"

namespace nestbox::docker {
namespace {

constexpr std::size_t k_block = 512;
constexpr std::size_t k_dockerfile_limit = 1 << 20;

std::uint64_t padded(std::uint64_t size) {
  return (size + k_block - 1) / k_block * k_block;
}

std::string_view field(std::string_view header, std::size_t at, std::size_t size) {
  const std::string_view text = header.substr(at, size);
  return text.substr(0, text.find('\0'));
}

/// As octal digits; a size of more than 8 GiB is written otherwise, and nothing here.
std::optional<std::uint64_t> size_of(std::string_view header) {
  std::uint64_t size = 0;
  for (const char c : trim(field(header, 124, 12))) {
    if (c < '0' || c > '7')
      return std::nullopt;
    size = size * 8 + static_cast<std::uint64_t>(c - '0');
  }
  return size;
}

std::string path_of(std::string_view header) {
  const std::string_view parent = field(header, 345, 155);
  const std::string_view name = field(header, 0, 100);
  const std::string path = parent.empty() ? std::string(name) : fmt::format("{}/{}", parent, name);
  return std::filesystem::path(path).lexically_normal();
}

/// POSIX.1-1988, ustar: the sum counts its own eight bytes as spaces.
std::string with_size(std::string header, std::size_t size) {
  header.replace(124, 12, fmt::format("{:011o}", size) + '\0');
  header.replace(148, 8, "        ");
  unsigned sum = 0;
  for (const unsigned char byte : header)
    sum += byte;
  return header.replace(148, 8, fmt::format("{:06o}", sum) + '\0' + ' ');
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

/// Where the words of a line begin and end.
std::vector<std::pair<std::size_t, std::size_t>> words_of(std::string_view line) {
  std::vector<std::pair<std::size_t, std::size_t>> words;
  for (std::size_t at = 0; (at = line.find_first_not_of(" \t\r", at)) != line.npos;) {
    const std::size_t end = std::min(line.find_first_of(" \t\r", at), line.size());
    words.emplace_back(at, end);
    at = end;
  }
  return words;
}

/// Of one line; `stages` are those that were named above it.
std::string renamed_line(std::string line, std::set<std::string>& stages, const ImageNames& names) {
  constexpr std::string_view k_from = "--from=";
  const auto words = words_of(line);
  const auto word = [&](std::size_t i) {
    return i < words.size() ? line.substr(words[i].first, words[i].second - words[i].first) : "";
  };
  const std::string instruction = lower(word(0));
  std::size_t at = std::string::npos;
  std::string image;
  if (instruction == "from") {
    std::size_t i = 1;
    while (word(i).starts_with("--"))
      ++i;
    image = word(i);
    at = image.empty() ? line.npos : words[i].first;
    if (lower(word(i + 1)) == "as")
      stages.insert(lower(word(i + 2)));
  } else if (instruction == "copy") {
    for (std::size_t i = 1; word(i).starts_with("--"); ++i)
      if (word(i).starts_with(k_from)) {
        image = word(i).substr(k_from.size());
        at = words[i].first + k_from.size();
      }
  }
  const bool number = image.find_first_not_of("0123456789") == image.npos;
  if (at == line.npos || number || image == "scratch" || image.find('$') != image.npos
      || stages.contains(lower(image)))
    return line;
  return line.replace(at, image.size(), names(image));
}

}  // namespace

std::string renamed_images(std::string_view dockerfile, const ImageNames& names) {
  std::set<std::string> stages;
  std::vector<std::string> lines = split(dockerfile, '\n');
  for (std::string& line : lines)
    line = renamed_line(std::move(line), stages, names);
  return join(lines, "\n");
}

BuildArchive::BuildArchive(std::string dockerfile, ImageNames names)
    : m_dockerfile(std::filesystem::path(dockerfile).lexically_normal()),
      m_names(std::move(names)) {}

std::string BuildArchive::take(std::string_view bytes) {
  m_pending += bytes;
  std::string out;
  while (!m_pending.empty() && step(out)) {
  }
  return out;
}

std::string BuildArchive::finish() {
  return std::exchange(m_header, {}) + std::exchange(m_pending, {});
}

/// False when more must come first.
bool BuildArchive::step(std::string& out) {
  if (m_passing || m_left > 0) {
    const std::size_t count =
        m_passing ? m_pending.size() : std::min<std::uint64_t>(m_left, m_pending.size());
    out.append(m_pending, 0, count);
    m_pending.erase(0, count);
    m_left -= m_passing ? 0 : count;
    return true;
  }
  const std::size_t wanted = m_header.empty() ? k_block : padded(m_size);
  if (m_pending.size() < wanted)
    return false;
  if (m_header.empty()) {
    begin_entry(out);
    return true;
  }
  std::string content = renamed_images(std::string_view(m_pending).substr(0, m_size), m_names);
  out += with_size(std::exchange(m_header, {}), content.size());
  content.resize(padded(content.size()));
  out += content;
  m_pending.erase(0, wanted);
  return true;
}

void BuildArchive::begin_entry(std::string& out) {
  std::string header = m_pending.substr(0, k_block);
  const std::optional<std::uint64_t> size = size_of(header);
  // Anything else is compressed, or the end, or beyond us.
  m_passing = header.compare(257, 5, "ustar") != 0 || !size;
  if (m_passing)
    return;
  m_pending.erase(0, k_block);
  const bool is_file = header[156] == '0' || header[156] == '\0';
  if (is_file && *size > 0 && *size <= k_dockerfile_limit && path_of(header) == m_dockerfile) {
    m_header = std::move(header);
    m_size = *size;
  } else {
    out += header;
    m_left = padded(*size);
  }
}

}  // namespace nestbox::docker
