#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/scope.hpp"
#include "harness/base/units.hpp"
#include "harness/net/impairment.hpp"
#include "harness/net/link_counters.hpp"

namespace nestbox {

/// A network: a learning Ethernet switch between emulated machines, on a thread of its own within
/// this process, over unix sockets. Needs no privilege and touches no network of the host.
///
/// Each machine's network device hangs on a *link*, known by name. Any thread may call anything; a
/// call takes one round of the switch's thread, which is milliseconds at worst. A link's name that
/// is not known is Error(not_found) in all of them.
///
/// Bounds: 128 links, 65,553 bytes a frame, 1 MiB waiting for each machine that reads slowly, 4 MiB
/// delayed in each direction of a link, 24 MiB of frames in all; 512 addresses a link, forgotten
/// after 300 s of silence.
class VirtualSwitch {
public:
  struct Options {
    std::string name;        ///< of the network, for messages
    std::uint64_t seed = 0;  ///< decides all that impairments leave to chance
  };

  explicit VirtualSwitch(Options options);
  VirtualSwitch(const VirtualSwitch&) = delete;
  VirtualSwitch& operator=(const VirtualSwitch&) = delete;
  ~VirtualSwitch();  ///< every machine sees its link end

  /// The machine's end of a link: a connected stream socket on which each Ethernet frame (without
  /// checksum) comes behind its length, 32 bits in network order: QEMU's `-netdev socket,fd=`.
  /// Makes the link if there is none of this name, else gives it a new machine in place of one that
  /// has gone; Error(usage) while it has one. A machine whose stream is no such sequence of frames
  /// is cut off, and counted as malformed.
  FileDescriptor plug(const std::string& link);
  /// The same for a machine whose end is elsewhere: `socket` is the other one.
  void plug(const std::string& link, FileDescriptor socket);

  /// Forgets the link and all of it, frames on their way included.
  void unplug(const std::string& link);

  /// Replaces the link's impairment, `{}` takes it away. At once also for frames that are on their
  /// way: none waits longer than it would now, and all are lost when the link is down. Error(usage)
  /// as validate() has it.
  void set_impairment(const std::string& link, const Impairment& impairment);
  Impairment impairment(const std::string& link) const;

  /// From here on frames pass only within a group; links that are in none form one more. At once
  /// also for frames that are on their way. Replaces the partition before it. Error(usage) for a
  /// link that is named twice.
  void partition(const std::vector<std::vector<std::string>>& groups);

  /// Ends the partition; impairments stay.
  void heal();

  /// The groups of the partition as it is, that of the links in none last; empty: there is none.
  std::vector<std::vector<std::string>> groups() const;

  /// Writes every frame that passes between the link's machine and the switch to a new pcapng file,
  /// until stop_capture(), unplug() or `limit`. Impairments come behind it on the way in and before
  /// it on the way out: the file holds what the machine sent, and what it got. Replaces the capture
  /// before it. Throws Error(io) when the file cannot be made.
  void start_capture(const std::string& link, const std::filesystem::path& file,
                     Bytes limit = mebibytes(256));
  void stop_capture(const std::string& link);  ///< the file is complete; no capture is no error

  std::map<std::string, LinkCounters> counters() const;

  /// Stops time: nothing is read, delivered or comes of age until thaw(). What machines go on to
  /// send stays in their sockets. Both may be called twice.
  void freeze();
  void thaw();

  /// All that a copy of this switch has to know, as bounded, versioned bytes: links, addresses,
  /// impairments, partition, and all frames that are on their way. Error(usage) unless frozen. The
  /// machines should be stopped by then: a frame that is sent later is in the state, but not in its
  /// sender's past.
  std::string state() const;

  /// Takes over the state of another switch, and is frozen: plug() the machines in, then thaw().
  /// Chance is that of this switch's seed. Error(usage) when this switch has links already;
  /// Error(corrupt), and nothing has changed.
  void restore(std::string_view state);

private:
  class Loop;
  std::unique_ptr<Loop> m_loop;
};

}  // namespace nestbox
