#include "vmdrivers/qemu/qemu_process.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>

#include "harness/base/filesystem.hpp"
#include "harness/base/text.hpp"

namespace nestbox::qemu {
namespace {

constexpr std::size_t k_diagnostics_tail = 4 * 1024;

}  // namespace

QemuProcess::QemuProcess(Process process, QemuConnections connections)
    : m_process(std::move(process)), m_diagnostics_pipe(std::move(connections.diagnostics)),
      m_qmp(std::move(connections.qmp), [this](const QmpEvent& event) { handle(event); }),
      m_watcher({.pid = m_process.pid(),
                 .process = duplicate(m_process.descriptor()),
                 .console = std::move(connections.console),
                 .agent = std::move(connections.agent)},
                {{m_diagnostics_pipe.get(), [this] { return read_diagnostics(); }},
                 {m_qmp.descriptor(), [this] { return read_qmp(); }}}) {}

std::string QemuProcess::diagnostics() const {
  const std::lock_guard lock(m_mutex);
  return std::string(trim(last_bytes(m_diagnostics, k_diagnostics_tail)));
}

nlohmann::json QemuProcess::ask(const std::string& command, const nlohmann::json& arguments,
                                int descriptor, Deadline deadline) {
  return m_qmp.execute({command, arguments, descriptor}, deadline);
}

void QemuProcess::resume() {
  m_qmp.post({{"cont"}});
}

bool QemuProcess::end(Deadline deadline) {
  m_watcher.kill();
  return m_watcher.await_end(deadline);
}

std::string QemuProcess::last_words() const {
  const std::string said = diagnostics();
  return said.empty() ? "" : ": " + printable(said.substr(0, said.find('\n')));
}

bool QemuProcess::read_qmp() {
  const bool more = m_qmp.receive();
  if (!more)
    m_watcher.handle(QemuEvent::ended);
  return more;
}

bool QemuProcess::read_diagnostics() {
  std::array<char, 4096> buffer;
  const ssize_t count = ::read(m_diagnostics_pipe.get(), buffer.data(), buffer.size());
  if (count <= 0)
    return count < 0 && errno == EINTR;
  const std::lock_guard lock(m_mutex);
  append_bounded(m_diagnostics, {buffer.data(), static_cast<std::size_t>(count)},
                 k_diagnostics_tail);
  return true;
}

void QemuProcess::handle(const QmpEvent& event) {
  const auto says = [&](const char* key, const nlohmann::json& value) {
    return event.data.value(key, nlohmann::json()) == value;
  };
  if (event.name == "SHUTDOWN" && says("guest", true))
    m_watcher.handle(QemuEvent::shut_down);
  else if (event.name == "GUEST_PANICKED")
    m_watcher.handle(QemuEvent::crashed);
  else if (event.name == "MIGRATION" && says("status", "completed"))
    m_watcher.handle(QemuEvent::migrated);
  else if (event.name == "MIGRATION" && says("status", "failed"))
    m_watcher.handle(QemuEvent::migration_failed);
  else if (event.name == "BLOCK_IO_ERROR" && says("action", "stop"))
    m_watcher.handle(says("nospace", true) ? QemuEvent::disk_full : QemuEvent::disk_failed);
}

}  // namespace nestbox::qemu
