#include "harness/vm/console.hpp"

#include <algorithm>
#include <vector>

#include "harness/base/text.hpp"

namespace nestbox {
namespace {

constexpr std::ptrdiff_t k_quoted_lines = 12;

}  // namespace

std::string telling_lines(const std::string& console) {
  std::vector<std::string> lines;
  for (const std::string& line : split(std::string(trim(console)), '\n'))
    lines.emplace_back(trim(line));
  auto first = std::find_if(lines.begin(), lines.end(), [](const std::string& line) {
    return line.find("Kernel panic") != std::string::npos;
  });
  const auto count = std::min<std::ptrdiff_t>(k_quoted_lines, std::ssize(lines));
  if (first == lines.end())
    first = lines.end() - count;
  const auto last = first + std::min<std::ptrdiff_t>(count, lines.end() - first);
  return printable(join({first, last}, "\n"));
}

}  // namespace nestbox
