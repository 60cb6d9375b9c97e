#include <cstdint>
#include <cstdlib>

#include "vmdrivers/qemu/qmp_message.hpp"

using namespace nestbox;
using namespace nestbox::qemu;

/// What QEMU might send: every line is one of the three messages or Error(corrupt), and what is
/// read as a reply or an event says so again when written back.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  QmpLineReader reader(kibibytes(16));
  // Cut in two, for a line must not depend on how it arrives.
  const std::string bytes(data, data + size);
  reader.add(bytes.substr(0, size / 2));
  reader.add(bytes.substr(size / 2));
  while (true) {
    const auto line = reader.next();
    if (!line) {
      if (line.error().code != ErrorCode::corrupt)
        std::abort();
      return 0;
    }
    if (!*line)
      return 0;
    const Result<QmpMessage> message = parse_qmp_message(**line);
    if (!message) {
      if (message.error().code != ErrorCode::corrupt)
        std::abort();
      continue;
    }
    if (const auto* event = std::get_if<QmpEvent>(&*message)) {
      const nlohmann::json again = {{"event", event->name}, {"data", event->data}};
      const Result<QmpMessage> copy = parse_qmp_message(again.dump());
      if (!copy || std::get<QmpEvent>(*copy).data != event->data)
        std::abort();
    }
  }
}
