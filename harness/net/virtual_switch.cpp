#include "harness/net/virtual_switch.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "harness/base/error.hpp"
#include "harness/base/socket_pair.hpp"
#include "harness/net/pcapng_writer.hpp"
#include "harness/net/switch_loop.hpp"
#include "harness/net/switch_state.hpp"

namespace nestbox {

class VirtualSwitch::Loop : public SwitchLoop {
public:
  using SwitchLoop::SwitchLoop;

  /// `command(link)` on the switch's thread.
  template <class Command>
  auto run_on(const std::string& link, Command command) {
    return run([&] { return command(fabric().find(link)); });
  }
};

VirtualSwitch::VirtualSwitch(Options options)
    : m_loop(std::make_unique<Loop>(std::move(options.name), options.seed)) {}

VirtualSwitch::~VirtualSwitch() = default;

FileDescriptor VirtualSwitch::plug(const std::string& link) {
  SocketPair pair;
  plug(link, std::move(pair.ours));
  return std::move(pair.theirs);
}

void VirtualSwitch::plug(const std::string& link, FileDescriptor socket) {
  if (::fcntl(socket.get(), F_SETFL, O_NONBLOCK) != 0)
    throw system_error("cannot set up the socket of link '" + link + "'", errno);
  m_loop->run([&] { m_loop->fabric().plug(link, std::move(socket)); });
}

void VirtualSwitch::unplug(const std::string& link) {
  m_loop->run_on(link, [&](LinkIndex index) { m_loop->fabric().unplug(index); });
}

void VirtualSwitch::set_impairment(const std::string& link, const Impairment& impairment) {
  validate(impairment);
  m_loop->run_on(link, [&](LinkIndex index) {
    m_loop->fabric().set_impairment(index, impairment, m_loop->now());
  });
}

Impairment VirtualSwitch::impairment(const std::string& link) const {
  return m_loop->run_on(link, [&](LinkIndex index) { return m_loop->fabric().impairment(index); });
}

void VirtualSwitch::partition(const std::vector<std::vector<std::string>>& groups) {
  m_loop->run([&] {
    std::vector<std::vector<LinkIndex>> found;
    std::set<LinkIndex> seen;
    for (const auto& group : groups) {
      if (group.empty())
        continue;
      std::vector<LinkIndex>& links = found.emplace_back();
      for (const std::string& link : group) {
        links.push_back(m_loop->fabric().find(link));
        if (!seen.insert(links.back()).second)
          throw Error(ErrorCode::usage, "link '" + link
                                            + "' is named twice in a partition of network '"
                                            + m_loop->fabric().name() + "'");
      }
    }
    m_loop->fabric().partition(found);
  });
}

void VirtualSwitch::heal() {
  partition({});
}

std::vector<std::vector<std::string>> VirtualSwitch::groups() const {
  return m_loop->run([&] { return m_loop->fabric().groups(); });
}

void VirtualSwitch::start_capture(const std::string& link, const std::filesystem::path& file,
                                  Bytes limit) {
  // The old one first: it may be the same file.
  stop_capture(link);
  auto capture = std::make_unique<PcapngWriter>(file, link, limit);
  m_loop->run_on(link,
                 [&](LinkIndex index) { m_loop->fabric().set_capture(index, std::move(capture)); });
}

void VirtualSwitch::stop_capture(const std::string& link) {
  m_loop->run_on(link, [&](LinkIndex index) { m_loop->fabric().set_capture(index, nullptr); });
}

std::map<std::string, LinkCounters> VirtualSwitch::counters() const {
  return m_loop->run([&] { return m_loop->fabric().counters(); });
}

void VirtualSwitch::freeze() {
  m_loop->run([&] { m_loop->freeze(); });
}

void VirtualSwitch::thaw() {
  m_loop->run([&] { m_loop->thaw(); });
}

std::string VirtualSwitch::state() const {
  return encode(m_loop->run([&] {
    if (!m_loop->is_frozen())
      throw Error(ErrorCode::usage,
                  "the state of network '" + m_loop->fabric().name() + "' is asked while it runs",
                  "freeze it first");
    return m_loop->fabric().state(m_loop->now());
  }));
}

void VirtualSwitch::restore(std::string_view state) {
  const SwitchState decoded = decode_switch_state(state);
  m_loop->run([&] {
    m_loop->freeze();
    m_loop->fabric().restore(decoded, m_loop->now());
  });
}

}  // namespace nestbox
