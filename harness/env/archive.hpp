#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/units.hpp"

namespace nestbox {

/// Writes a cpio archive (newc, what Linux takes as an initramfs): owner root, times zero, so that
/// equal content is equal bytes. Parent directories come first. Throws Error(io).
class CpioWriter {
public:
  explicit CpioWriter(const std::filesystem::path& path);
  ~CpioWriter();

  void directory(const std::string& name, unsigned mode = 0755);
  void file(const std::string& name, std::string_view content, unsigned mode = 0644);
  void symlink(const std::string& name, const std::string& target);
  void finish();  ///< the archive is whole only after this

private:
  struct State;
  std::unique_ptr<State> m_state;
};

struct IsoFile {
  std::string name;
  std::string_view content;
  unsigned mode = 0644;
};

/// Writes an ISO 9660 file system of this volume name, with Rock Ridge's names and modes. Throws
/// Error(io).
void write_iso(const std::filesystem::path& path, const std::string& label,
               const std::vector<IsoFile>& files);

/// Calls `visit` for each regular file of a tar archive, in its order, with content of at most
/// `limit` bytes. `wanted` chooses by name. Throws Error(io), Error(corrupt).
void read_tar(const std::filesystem::path& path, Bytes limit,
              const std::function<bool(const std::string& name)>& wanted,
              const std::function<void(const std::string& name, std::string_view content)>& visit);

}  // namespace nestbox
