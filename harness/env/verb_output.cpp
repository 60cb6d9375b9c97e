#include "harness/env/verb_output.hpp"

namespace nestbox {
namespace {

constexpr std::size_t k_longest_line = 64 * 1024;

}  // namespace

VerbOutput::VerbOutput(const VerbIo& io, const std::vector<std::string>& machines)
    : m_io(io), m_by_line(machines.size() > 1 || io.line_names == LineNames::always),
      m_named(m_by_line && io.line_names != LineNames::never) {}

void VerbOutput::write(const std::string& machine, OutputStream stream, std::string_view bytes) {
  const std::lock_guard lock(m_mutex);
  if (!m_by_line)
    return hand_on(machine, stream, bytes);
  std::string& rest = m_rest[{machine, stream}];
  rest += bytes;
  if (const std::size_t newline = rest.rfind('\n'); newline != std::string::npos) {
    hand_on(machine, stream, with_name(machine, std::string_view(rest).substr(0, newline + 1)));
    rest.erase(0, newline + 1);
  }
  if (rest.size() > k_longest_line) {
    hand_on(machine, stream, with_name(machine, rest + '\n'));
    rest.clear();
  }
}

void VerbOutput::finish(const std::string& machine) {
  const std::lock_guard lock(m_mutex);
  flush(machine);
}

void VerbOutput::finish(const std::string& machine, const CommandResult& result) {
  const std::lock_guard lock(m_mutex);
  flush(machine);
  if (m_io.ended)
    m_io.ended(machine, result);
}

void VerbOutput::flush(const std::string& machine) {
  for (auto& [source, rest] : m_rest)
    if (source.first == machine && !rest.empty()) {
      hand_on(machine, source.second, with_name(machine, rest + '\n'));
      rest.clear();
    }
}

void VerbOutput::say(OutputStream stream, std::string_view text) {
  const std::lock_guard lock(m_mutex);
  hand_on({}, stream, text);
}

void VerbOutput::hand_on(const std::string& machine, OutputStream stream, std::string_view bytes) {
  if (m_io.output && !bytes.empty())
    m_io.output(machine, stream, bytes);
}

std::string VerbOutput::with_name(const std::string& machine, std::string_view lines) const {
  if (!m_named)
    return std::string(lines);
  std::string named;
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n') + 1;
    named.append(machine).append(" | ").append(lines.substr(0, end));
    lines.remove_prefix(end);
  }
  return named;
}

}  // namespace nestbox
