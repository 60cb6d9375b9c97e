#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "harness/base/result.hpp"
#include "harness/base/units.hpp"

/// The QEMU Machine Protocol's messages (docs/interop/qmp-spec.txt in QEMU's sources), as values.
namespace nestbox::qemu {

/// What QEMU says first.
struct QmpGreeting {};

/// The answer to the command that was sent with this id.
struct QmpReply {
  std::int64_t id = 0;
  Result<nlohmann::json> value;  ///< an error is QEMU's own description, Error(infrastructure)
};

struct QmpEvent {
  std::string name;     ///< "SHUTDOWN"
  nlohmann::json data;  ///< an object, empty when the event has none
};

using QmpMessage = std::variant<QmpGreeting, QmpReply, QmpEvent>;

/// One line without its end. Error(corrupt) when it is none of the three.
Result<QmpMessage> parse_qmp_message(std::string_view line);

/// One command as a line, its end included. `arguments` is an object; an empty one is left out.
std::string format_qmp_command(std::int64_t id, std::string_view command,
                               const nlohmann::json& arguments);

/// Bytes in, lines out. A line longer than the limit is Error(corrupt), and so is all that follows.
class QmpLineReader {
public:
  explicit QmpLineReader(Bytes limit = mebibytes(16)) : m_limit(limit) {}

  void add(std::string_view bytes) { m_buffer += bytes; }
  /// The next whole line; nothing when more bytes are needed.
  Result<std::optional<std::string>> next();

private:
  Bytes m_limit;
  std::string m_buffer;
  std::size_t m_searched = 0;
};

}  // namespace nestbox::qemu
