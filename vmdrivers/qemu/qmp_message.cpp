#include "vmdrivers/qemu/qmp_message.hpp"

#include <algorithm>

#include "harness/base/text.hpp"

namespace nestbox::qemu {
namespace {

using nlohmann::json;

constexpr std::size_t k_quoted_length = 80;

tl::unexpected<Error> not_qmp(std::string_view line) {
  return fail(ErrorCode::corrupt,
              "qemu sent what is no QMP: '" + printable(line.substr(0, k_quoted_length)) + "'");
}

Result<QmpMessage> reply(const json& message, std::string_view line) {
  const auto id = message.find("id");
  // An answer without an id is to a line that QEMU could not read at all.
  if (id != message.end() && !id->is_number_integer())
    return not_qmp(line);
  QmpReply result{id == message.end() ? 0 : id->get<std::int64_t>(), json()};
  if (const auto value = message.find("return"); value != message.end()) {
    result.value = *value;
    return result;
  }
  const json& error = message["error"];
  if (!error.is_object() || !error.contains("desc") || !error["desc"].is_string())
    return not_qmp(line);
  result.value = fail(ErrorCode::infrastructure, printable(error["desc"].get<std::string>()));
  return result;
}

}  // namespace

Result<QmpMessage> parse_qmp_message(std::string_view line) {
  const json message = json::parse(line, nullptr, false);
  if (!message.is_object())
    return not_qmp(line);
  if (message.contains("QMP"))
    return QmpGreeting{};
  if (message.contains("return") || message.contains("error"))
    return reply(message, line);
  const auto name = message.find("event");
  if (name == message.end() || !name->is_string())
    return not_qmp(line);
  const auto data = message.find("data");
  return QmpEvent{name->get<std::string>(),
                  data != message.end() && data->is_object() ? *data : json::object()};
}

std::string format_qmp_command(std::int64_t id, std::string_view command, const json& arguments) {
  json message = {{"execute", command}, {"id", id}};
  if (!arguments.empty())
    message["arguments"] = arguments;
  // Paths may hold any bytes; a replaced one makes QEMU answer with an error instead of us dying.
  return message.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<std::optional<std::string>> QmpLineReader::next() {
  const std::size_t end = m_buffer.find('\n', m_searched);
  if (std::min(end, m_buffer.size()) > m_limit.count)
    return fail(ErrorCode::corrupt,
                "qemu sent a line longer than " + format_bytes(m_limit) + " over QMP");
  if (end == std::string::npos) {
    m_searched = m_buffer.size();
    return std::nullopt;
  }
  std::string line = m_buffer.substr(0, end);
  m_buffer.erase(0, end + 1);
  m_searched = 0;
  if (!line.empty() && line.back() == '\r')
    line.pop_back();
  return line;
}

}  // namespace nestbox::qemu
