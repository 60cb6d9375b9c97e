#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace nestbox {

/// Writes a tar archive (ustar, with GNU's long names where a name needs it): owner root, times
/// zero, so that equal content is equal bytes. Parent directories come first.
class TarWriter {
public:
  /// `sink` takes the archive in pieces; what it throws is thrown by whoever wrote.
  explicit TarWriter(std::function<void(std::string_view)> sink) : m_sink(std::move(sink)) {}

  void directory(const std::string& name, unsigned mode = 0755);
  void file(const std::string& name, std::string_view content, unsigned mode = 0644);
  void symlink(const std::string& name, const std::string& target);
  /// With the content of a file of the host, as large as it is now. Throws Error(io), also when it
  /// shrinks meanwhile.
  void host_file(const std::string& name, const std::filesystem::path& source, unsigned mode);
  void finish();  ///< the archive is whole only after this

private:
  void header(char type, const std::string& name, std::uint64_t size, unsigned mode,
              const std::string& target = {});
  void long_text(char type, const std::string& text);
  void pad(std::uint64_t size);

  std::function<void(std::string_view)> m_sink;
};

}  // namespace nestbox
