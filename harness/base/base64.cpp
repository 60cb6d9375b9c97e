#include "harness/base/base64.hpp"

#include <openssl/evp.h>

namespace nestbox {

std::string base64(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

std::string from_base64(std::string_view text) {
  std::string dense;
  for (const char c : text)
    if (c != '\n' && c != '\r' && c != ' ')
      dense += c;
  if (dense.empty() || dense.size() % 4 != 0)
    return {};
  std::string bytes(dense.size() / 4 * 3, '\0');
  if (EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                      reinterpret_cast<const unsigned char*>(dense.data()),
                      static_cast<int>(dense.size()))
      < 0)
    return {};
  const std::size_t padding = dense.ends_with("==") ? 2 : dense.ends_with('=') ? 1 : 0;
  bytes.resize(bytes.size() - padding);
  return bytes;
}

}  // namespace nestbox
