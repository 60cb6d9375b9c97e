#include "harness/guest/agent_protocol.hpp"

#include <algorithm>

#include "harness/guest/payload.hpp"

namespace nestbox {

namespace {

constexpr std::uint8_t k_run_input = 1;
constexpr std::uint8_t k_run_terminal = 2;
constexpr std::uint8_t k_run_leaves_running = 4;

ThawMessage::Interface read_interface(PayloadReader& reader) {
  ThawMessage::Interface interface;
  interface.mac = reader.string();
  interface.mtu = reader.integer<std::uint32_t>();
  interface.addresses = reader.strings();
  const auto routes = reader.integer<std::uint32_t>();
  for (std::uint32_t i = 0; i < routes && reader.sound(); ++i) {
    const std::string_view destination = reader.string();
    interface.routes.push_back({std::string(destination), std::string(reader.string())});
  }
  return interface;
}

template <class Message>
std::optional<Message> when_complete(const PayloadReader& reader, Message message) {
  if (!reader.complete())
    return std::nullopt;
  return message;
}

bool holds_nul(const std::string& text) {
  return text.find('\0') != std::string::npos;
}

}  // namespace

std::string encode(const HelloMessage& message) {
  return PayloadWriter()
      .integer(message.protocol)
      .string({message.nonce.data(), message.nonce.size()})
      .string(message.agent_version)
      .string(message.kernel_release)
      .take();
}

std::optional<HelloMessage> decode_hello(std::string_view payload) {
  PayloadReader reader(payload);
  HelloMessage message;
  message.protocol = reader.integer<std::uint32_t>();
  const std::string_view nonce = reader.string();
  if (nonce.size() != message.nonce.size())
    return std::nullopt;
  std::ranges::copy(nonce, message.nonce.begin());
  message.agent_version = reader.string();
  message.kernel_release = reader.string();
  return when_complete(reader, std::move(message));
}

std::string encode(const RunMessage& message) {
  PayloadWriter writer;
  writer.integer(static_cast<std::uint8_t>((message.input ? k_run_input : 0)
                                           | (message.terminal ? k_run_terminal : 0)
                                           | (message.leaves_running ? k_run_leaves_running : 0)));
  const RunMessage::Terminal terminal = message.terminal.value_or(RunMessage::Terminal{});
  writer.integer(terminal.rows).integer(terminal.columns).string(message.working_directory);
  return writer.strings(message.argv).strings(message.environment).take();
}

std::optional<RunMessage> decode_run(std::string_view payload) {
  PayloadReader reader(payload);
  RunMessage message;
  const auto options = reader.integer<std::uint8_t>();
  message.input = options & k_run_input;
  message.leaves_running = options & k_run_leaves_running;
  const auto rows = reader.integer<std::uint16_t>();
  const auto columns = reader.integer<std::uint16_t>();
  if (options & k_run_terminal)
    message.terminal = RunMessage::Terminal{rows, columns};
  message.working_directory = reader.string();
  message.argv = reader.strings();
  message.environment = reader.strings();
  if (message.argv.empty() || options > (k_run_input | k_run_terminal | k_run_leaves_running)
      || holds_nul(message.working_directory) || std::ranges::any_of(message.argv, holds_nul)
      || std::ranges::any_of(message.environment, holds_nul))
    return std::nullopt;
  return when_complete(reader, std::move(message));
}

std::string encode(const ExitMessage& message) {
  return PayloadWriter()
      .integer(message.code)
      .integer(message.signal)
      .integer(message.oom_kills)
      .take();
}

std::optional<ExitMessage> decode_exit(std::string_view payload) {
  PayloadReader reader(payload);
  ExitMessage message;
  message.code = reader.integer<std::int32_t>();
  message.signal = reader.integer<std::int32_t>();
  message.oom_kills = reader.integer<std::uint32_t>();
  if (message.code < 0 || message.code > 255 || message.signal < 0 || message.signal > 127)
    return std::nullopt;
  return when_complete(reader, message);
}

std::string encode(const ThawMessage& message) {
  PayloadWriter writer;
  writer.string(message.hostname)
      .string(message.machine_id)
      .string(message.entropy)
      .integer(message.realtime)
      .integer(static_cast<std::uint32_t>(message.interfaces.size()));
  for (const ThawMessage::Interface& interface : message.interfaces) {
    writer.string(interface.mac).integer(interface.mtu);
    writer.strings(interface.addresses)
        .integer(static_cast<std::uint32_t>(interface.routes.size()));
    for (const ThawMessage::Route& route : interface.routes)
      writer.string(route.destination).string(route.gateway);
  }
  return writer.strings(message.hosts).take();
}

std::optional<ThawMessage> decode_thaw(std::string_view payload) {
  PayloadReader reader(payload);
  ThawMessage message;
  message.hostname = reader.string();
  message.machine_id = reader.string();
  message.entropy = reader.string();
  message.realtime = reader.integer<std::int64_t>();
  const auto interfaces = reader.integer<std::uint32_t>();
  for (std::uint32_t i = 0; i < interfaces && reader.sound(); ++i)
    message.interfaces.push_back(read_interface(reader));
  message.hosts = reader.strings();
  return when_complete(reader, std::move(message));
}

std::string encode(const ErrorMessage& message) {
  return PayloadWriter()
      .integer(static_cast<std::uint8_t>(message.kind))
      .string(message.text)
      .take();
}

std::optional<ErrorMessage> decode_error(std::string_view payload) {
  PayloadReader reader(payload);
  ErrorMessage message;
  const auto kind = reader.integer<std::uint8_t>();
  if (kind < 1 || kind > 2)
    return std::nullopt;
  message.kind = static_cast<ErrorMessage::Kind>(kind);
  message.text = reader.string();
  return when_complete(reader, std::move(message));
}

std::string encode_resize(RunMessage::Terminal size) {
  return PayloadWriter().integer(size.rows).integer(size.columns).take();
}

std::optional<RunMessage::Terminal> decode_resize(std::string_view payload) {
  PayloadReader reader(payload);
  RunMessage::Terminal size;
  size.rows = reader.integer<std::uint16_t>();
  size.columns = reader.integer<std::uint16_t>();
  return when_complete(reader, size);
}

std::string encode_credit(std::uint32_t bytes) {
  return PayloadWriter().integer(bytes).take();
}

std::optional<std::uint32_t> decode_credit(std::string_view payload) {
  PayloadReader reader(payload);
  const auto bytes = reader.integer<std::uint32_t>();
  return when_complete(reader, bytes);
}

}  // namespace nestbox
