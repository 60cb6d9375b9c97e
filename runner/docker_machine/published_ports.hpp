#pragma once

#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <thread>

#include "harness/guest/forwarding.hpp"

namespace nestbox {

/// Makes the TCP ports that programs in a machine listen on reachable at an address of this host's
/// loopback, under the same numbers, from when they do until they do no longer. What is connected
/// then goes on. The kernel in the machine tells: nothing is asked again and again. A port that
/// cannot be had on this host is not, and the log says why. The machine outlives it.
class PublishedPorts {
public:
  struct Addresses {
    std::string in_machine;  ///< one of its own
    std::string on_host;
  };
  /// Blocks until those ports are reachable on which programs listen now. `others` are let alone.
  PublishedPorts(Machine& machine, Addresses addresses, std::set<int> others, Deadline deadline,
                 const CancelToken& cancel);
  /// Cuts off what is connected.
  ~PublishedPorts();

private:
  void watch();
  void read(std::string_view bytes);
  void publish(const std::set<int>& ports);
  void open(int port);

  Machine& m_machine;
  Addresses m_addresses;
  std::set<int> m_others;
  std::string m_unread;
  std::map<int, std::unique_ptr<Forwarding>> m_open;  ///< null: it cannot be had
  std::list<std::unique_ptr<Forwarding>> m_closed;    ///< with connections, perhaps
  CancelSource m_stop;
  CancelSource m_published;
  std::thread m_thread;
};

}  // namespace nestbox
