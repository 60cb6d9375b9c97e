#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "harness/base/scope.hpp"
#include "harness/base/units.hpp"
#include "harness/net/delay_queue.hpp"

namespace nestbox {

/// One link's frames as a pcapng file (draft-ietf-opsawg-pcapng), times in nanoseconds. As seen
/// from the machine: what it sends is outbound.
class PcapngWriter {
public:
  /// Makes or empties the file. Throws Error(io).
  PcapngWriter(const std::filesystem::path& file, const std::string& link, Bytes limit);
  PcapngWriter(const PcapngWriter&) = delete;
  PcapngWriter& operator=(const PcapngWriter&) = delete;
  ~PcapngWriter() { flush(); }

  /// Notes a frame (without its length) of this instant. False when the file is as large as it may
  /// be, or cannot be written; the first time that is logged.
  bool write(std::string_view frame, Direction direction);

  /// Hands to the file what was noted, so that a reader sees it.
  void flush();

private:
  void end(const std::string& why);

  std::string m_path;
  FileDescriptor m_file;
  std::uint64_t m_left;
  std::string m_noted;
  bool m_ended = false;
};

}  // namespace nestbox
