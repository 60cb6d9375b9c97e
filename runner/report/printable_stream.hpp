#pragma once

#include <string>
#include <string_view>

namespace nestbox {

/// printable() for bytes that come in pieces: a character cut in two by a piece's end is not
/// mistaken for a broken one.
class PrintableStream {
public:
  /// What can be shown now.
  std::string feed(std::string_view bytes);
  /// The rest, at the end.
  std::string finish();

private:
  std::string m_held;  ///< at most 3 bytes: the front of one character
};

}  // namespace nestbox
