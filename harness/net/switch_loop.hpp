#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "harness/base/clock.hpp"
#include "harness/base/scope.hpp"
#include "harness/net/switch_fabric.hpp"

namespace nestbox {

/// The thread that a switch runs on, woken by its machines' sockets, by the next frame that comes
/// of age, and by commands. All that it does not own is handed to it as a command.
class SwitchLoop {
public:
  SwitchLoop(std::string name, std::uint64_t seed);
  SwitchLoop(const SwitchLoop&) = delete;
  SwitchLoop& operator=(const SwitchLoop&) = delete;
  ~SwitchLoop();

  /// What `command` returns or throws, which runs on the switch's thread between two rounds. Blocks
  /// until then.
  template <class Command>
  auto run(Command command) -> decltype(command()) {
    auto task = std::make_shared<std::packaged_task<decltype(command())()>>(std::move(command));
    auto result = task->get_future();
    post([task] { (*task)(); });
    return result.get();
  }

  // For commands only:
  SwitchFabric& fabric() { return m_fabric; }
  SwitchTime now() const;
  bool is_frozen() const { return m_frozen_at.has_value(); }
  void freeze();
  void thaw();

private:
  using Clock = Deadline::Clock;

  struct Watched {
    std::uint64_t connection = 0;
    std::uint32_t events = 0;

    bool operator==(const Watched&) const = default;
  };

  void post(std::function<void()> command);
  void serve();
  void serve_round();
  void run_commands();
  void watch_sockets();
  void set_timer();

  SwitchFabric m_fabric;
  FileDescriptor m_epoll;
  FileDescriptor m_event;
  FileDescriptor m_timer;
  Clock::time_point m_origin = Clock::now();  // of switch time
  std::optional<SwitchTime> m_frozen_at;
  std::vector<Watched> m_watched;  // by link
  std::optional<SwitchTime> m_timer_set;
  bool m_stopping = false;

  std::mutex m_mutex;
  std::vector<std::function<void()>> m_commands;  // guarded by m_mutex

  std::thread m_thread;
};

}  // namespace nestbox
