#pragma once

#include <string>
#include <string_view>

namespace nestbox {

/// The end of a stream of any length: what an error message quotes.
class Tail {
public:
  void add(std::string_view bytes);

  /// The last 15 lines, or less: at most 4 KiB, without the final newline.
  std::string last_lines() const;

private:
  std::string m_bytes;
};

}  // namespace nestbox
