#include "runner/docker_machine/shared_network.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>
#include <map>

#include "harness/base/error.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/text.hpp"
#include "harness/base/unix_socket.hpp"
#include "harness/net/virtual_switch.hpp"
#include "runner/docker_machine/start_report.hpp"

namespace nestbox {
namespace {

/// Held while somebody plugs in, and while the network sees that it is to end.
FileLock lock_network(const MachineStore& store) {
  return FileLock::acquire(store.network_lock(), FileLock::Mode::exclusive);
}

class SharedNetwork {
public:
  explicit SharedNetwork(const MachineStore& store)
      : m_store(store), m_listener(listen_on_path(store.network_socket())) {}

  /// Until the last cable is gone.
  void serve() {
    while (true) {
      accept_cables();
      if (m_cables.empty() && closed())
        return;
      await_change();
    }
  }

private:
  void accept_cables() {
    while (FileDescriptor cable{
        ::accept4(m_listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)}) {
      const std::string link = std::to_string(++m_links);
      FileDescriptor watched(::fcntl(cable.get(), F_DUPFD_CLOEXEC, 0));
      if (const Result<void> plugged = catch_error([&] { m_switch.plug(link, std::move(cable)); });
          plugged)
        m_cables.emplace(link, std::move(watched));
      else
        std::cerr << printable(plugged.error().render()) << '\n';
    }
  }

  /// Whoever plugs in has connected by the time that the lock is free again.
  bool closed() {
    const FileLock lock = lock_network(m_store);
    accept_cables();
    if (!m_cables.empty())
      return false;
    fs::remove(m_store.network_socket());
    return true;
  }

  void await_change() {
    std::vector<pollfd> waiting = {{m_listener.get(), POLLIN, 0}};
    for (const auto& [link, cable] : m_cables)
      waiting.push_back({cable.get(), POLLRDHUP, 0});
    if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR)
      throw system_error("cannot wait for machines", errno);
    std::erase_if(m_cables, [&, next = waiting.begin()](const auto& entry) mutable {
      const bool ended = (++next)->revents != 0;
      if (ended)
        m_switch.unplug(entry.first);
      return ended;
    });
  }

  const MachineStore& m_store;
  FileDescriptor m_listener;
  VirtualSwitch m_switch{{.name = "docker-machine"}};
  std::map<std::string, FileDescriptor> m_cables;  ///< by their links: to see when they end
  std::uint64_t m_links = 0;
};

}  // namespace

FileDescriptor plug_in(const MachineStore& store, Deadline deadline, const CancelToken& cancel) {
  const FileLock lock = lock_network(store);
  if (Result<FileDescriptor> cable =
          catch_error([&] { return connect_to_path(store.network_socket()); });
      cable)
    return std::move(*cable);
  start_reporting({k_network_command, store.root()}, store.network_log(),
                  "the network of the machines", deadline, cancel);
  return connect_to_path(store.network_socket());
}

int be_network(const std::vector<std::string>& words) {
  StartReport report;
  try {
    if (words.size() != 1)
      throw Error(ErrorCode::usage,
                  "the network is started by 'nestbox docker-machine create' alone");
    const MachineStore store(words[0]);
    SharedNetwork network(store);
    report.ready();
    network.serve();
    return 0;
  } catch (const Error& error) {
    return report.failed(error);
  }
}

}  // namespace nestbox
