#pragma once

#include <mutex>
#include <string>

#include "harness/base/subprocess.hpp"
#include "vmdrivers/qemu/qmp_client.hpp"
#include "vmdrivers/qemu_base/running_qemu.hpp"

namespace nestbox::qemu {

/// Our ends of what a QEMU was started with.
struct QemuConnections {
  FileDescriptor qmp;
  FileDescriptor console;
  FileDescriptor diagnostics;  ///< its stderr
  FileDescriptor agent;        ///< watched only for the end of the connection
};

/// A QEMU that is our child.
class QemuProcess final : public RunningQemu {
public:
  QemuProcess(Process process, QemuConnections connections);

  QmpClient& qmp() noexcept { return m_qmp; }
  /// The end of what QEMU wrote to its stderr.
  std::string diagnostics() const;

  Watcher& watcher() override { return m_watcher; }
  nlohmann::json ask(const std::string& command, const nlohmann::json& arguments, int descriptor,
                     Deadline deadline) override;
  void resume() override;
  bool end(Deadline deadline) override;
  std::optional<Error> refusal() const override { return m_qmp.refusal(); }
  std::string last_words() const override;

private:
  bool read_qmp();
  bool read_diagnostics();
  void handle(const QmpEvent& event);

  Process m_process;
  FileDescriptor m_diagnostics_pipe;
  mutable std::mutex m_mutex;
  std::string m_diagnostics;
  QmpClient m_qmp;
  Watcher m_watcher;
};

}  // namespace nestbox::qemu
