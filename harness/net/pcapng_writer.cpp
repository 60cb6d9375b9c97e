#include "harness/net/pcapng_writer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>

#include "harness/base/error.hpp"
#include "harness/base/log.hpp"

namespace nestbox {

namespace {

constexpr std::uint32_t k_section = 0x0a0d0d0a;
constexpr std::uint32_t k_interface = 1;
constexpr std::uint32_t k_packet = 6;
constexpr std::uint32_t k_byte_order = 0x1a2b3c4d;
constexpr std::uint16_t k_ethernet = 1;
constexpr std::uint16_t k_option_name = 2;         // of an interface
constexpr std::uint16_t k_option_flags = 2;        // of a packet
constexpr std::uint16_t k_option_application = 4;  // of a section
constexpr std::uint16_t k_option_resolution = 9;   // of an interface: a power of ten
constexpr std::size_t k_noted_at_most = 256 * 1024;

// Integers stand in the order of this host, which the section's header tells.
template <class Integer>
void append(std::string& text, Integer value) {
  text.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void append_padded(std::string& text, std::string_view bytes) {
  text.append(bytes).append((4 - bytes.size() % 4) % 4, '\0');
}

void append_option(std::string& text, std::uint16_t code, std::string_view value) {
  append(text, code);
  append(text, static_cast<std::uint16_t>(value.size()));
  append_padded(text, value);
}

void append_block(std::string& text, std::uint32_t type, std::string_view body) {
  const auto size = static_cast<std::uint32_t>(body.size() + 3 * sizeof(std::uint32_t));
  append(text, type);
  append(text, size);
  text.append(body);
  append(text, size);
}

std::string header(const std::string& link) {
  std::string section;
  append(section, k_byte_order);
  append(section, std::uint16_t{1});  // version 1.0
  append(section, std::uint16_t{0});
  append(section, std::int64_t{-1});  // of a length that is not known yet
  append_option(section, k_option_application, "nestbox");
  append_option(section, 0, "");
  std::string interface;
  append(interface, k_ethernet);
  append(interface, std::uint16_t{0});
  append(interface, std::uint32_t{0});  // frames are never cut short
  append_option(interface, k_option_name, std::string_view(link).substr(0, 255));
  append_option(interface, k_option_resolution, "\x09");
  append_option(interface, 0, "");
  std::string text;
  append_block(text, k_section, section);
  append_block(text, k_interface, interface);
  return text;
}

}  // namespace

PcapngWriter::PcapngWriter(const std::filesystem::path& file, const std::string& link, Bytes limit)
    : m_path(file.string()),
      m_file(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)),
      m_left(limit.count), m_noted(header(link)) {
  if (!m_file)
    throw system_error("cannot make the capture '" + m_path + "'", errno);
  m_left -= std::min<std::uint64_t>(m_left, m_noted.size());
  flush();
}

bool PcapngWriter::write(std::string_view frame, Direction direction) {
  constexpr std::uint32_t k_inbound = 1;
  constexpr std::uint32_t k_outbound = 2;
  constexpr std::size_t k_block_overhead = 44;
  if (m_ended)
    return false;
  const std::size_t size = k_block_overhead + (frame.size() + 3) / 4 * 4;
  if (size > m_left) {
    flush();
    end("is as large as it may be");
    return false;
  }
  m_left -= size;
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  const auto time = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count());
  append(m_noted, k_packet);
  append(m_noted, static_cast<std::uint32_t>(size));
  append(m_noted, std::uint32_t{0});  // the interface
  append(m_noted, static_cast<std::uint32_t>(time >> 32));
  append(m_noted, static_cast<std::uint32_t>(time));
  append(m_noted, static_cast<std::uint32_t>(frame.size()));
  append(m_noted, static_cast<std::uint32_t>(frame.size()));
  append_padded(m_noted, frame);
  append(m_noted, k_option_flags);
  append(m_noted, std::uint16_t{sizeof(std::uint32_t)});
  append(m_noted, direction == Direction::in ? k_outbound : k_inbound);
  append_option(m_noted, 0, "");
  append(m_noted, static_cast<std::uint32_t>(size));
  if (m_noted.size() >= k_noted_at_most)
    flush();
  return !m_ended;
}

void PcapngWriter::flush() {
  std::string_view rest = m_noted;
  while (!rest.empty() && !m_ended) {
    const ssize_t written = ::write(m_file.get(), rest.data(), rest.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      end(system_error("cannot be written", errno).message);
    else
      rest.remove_prefix(static_cast<std::size_t>(written));
  }
  m_noted.clear();
}

void PcapngWriter::end(const std::string& why) {
  m_ended = true;
  log(LogLevel::warning, "capture '" + m_path + "' " + why + "; what follows is not in it");
}

}  // namespace nestbox
