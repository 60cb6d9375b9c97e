#include "runner/report/printable_stream.hpp"

#include <algorithm>
#include <utility>

#include "harness/base/text.hpp"

namespace nestbox {
namespace {

/// How many bytes at the end of `text` are the beginning of a character that is not whole yet.
std::size_t unfinished_tail(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xC0) == 0x80)
      continue;
    const std::size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

}  // namespace

std::string PrintableStream::feed(std::string_view bytes) {
  std::string text = std::exchange(m_held, {});
  text += bytes;
  const std::size_t held = unfinished_tail(text);
  m_held = text.substr(text.size() - held);
  text.resize(text.size() - held);
  return printable(text);
}

std::string PrintableStream::finish() {
  return printable(std::exchange(m_held, {}));
}

}  // namespace nestbox
