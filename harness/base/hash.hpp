#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace nestbox {

/// SHA-256, fed piece by piece. `field` frames name and value by length, so that no two sequences
/// of fields share a digest: the way to make a content key.
class Sha256 {
public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;

  Sha256& update(std::string_view bytes);
  Sha256& field(std::string_view name, std::string_view value);
  std::string hex();  ///< 64 lower-case digits; once

private:
  struct Context;
  std::unique_ptr<Context> m_context;
};

std::string sha256(std::string_view bytes);

/// Of a file's content; holes are not read from disk but count as the zeros they are. Throws
/// Error(io).
std::string sha256_file(const std::filesystem::path& path);

}  // namespace nestbox
