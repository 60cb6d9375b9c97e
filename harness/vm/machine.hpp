#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/units.hpp"
#include "harness/model/definition.hpp"
#include "harness/vm/transport.hpp"

namespace nestbox {

/// An Ethernet device of a machine; what it is wired to is said when the machine is started.
struct NetworkInterface {
  std::string mac;  ///< "52:54:00:00:01:01", as the device is made: an Identity may give another

  bool operator==(const NetworkInterface&) const = default;
};

/// What to boot: pure data, all paths on the host and read-only to the machine.
struct MachineSpec {
  std::string name;  ///< unique among live machines; becomes the hostname
  Bytes memory = mebibytes(256);
  int cores = 1;
  std::filesystem::path kernel;  ///< empty: the firmware starts what `disk` holds
  std::filesystem::path initramfs;
  std::string kernel_arguments;  ///< beyond what the driver itself needs
  std::optional<std::filesystem::path>
      disk;  ///< root disk (qcow2 or raw); the machine writes to a throw-away overlay
  std::string disk_format = "raw";  ///< "raw", "qcow2", or "tar": a root filesystem's archive
  /// A second disk, raw, that nobody writes to: what a system on `disk` that is not ours is told
  /// by.
  std::optional<std::filesystem::path> seed;
  std::string image;                         ///< in the words of a driver that boots images
  std::vector<NetworkInterface> interfaces;  ///< eth0, eth1 … in the machine; down until a thaw
  NetworkAccess network = NetworkAccess::none;  ///< `user`: one more device, after `interfaces`
  bool nested = false;
  bool privileged = false;  ///< where machines share the host's kernel: all of what it allows root
  bool docker = false;      ///< DOCKER_HOST in it: a container engine as if it were its alone
  bool windows = false;     ///< of Windows; else of Linux. No part of a snapshot: its driver knows
  /// Set when the machine is to be saved: an existing, empty directory of the caller's, in which
  /// its RAM and what it writes to its disk live from the start. Machine::save completes it.
  std::optional<std::filesystem::path> save_directory;

  bool operator==(const MachineSpec&) const = default;
};

/// A machine saved alive in a directory: its RAM, its device state and the spec it was saved from
/// (disk included, as it was at that instant). Immutable once saved; many machines fork from it at
/// once. The directory may be renamed: load_snapshot (vm/snapshot.hpp) reads it from wherever it is
/// then.
struct Snapshot {
  std::filesystem::path directory;
  MachineSpec spec;
};

/// How a machine is, as far as the host can tell.
enum class Condition {
  running,
  panicked,  ///< its kernel said so
  stopped,   ///< it powered off or rebooted
  lost,      ///< the hypervisor vanished, or the agent no longer answers
};

/// One live, disposable machine. Dropping it ends it at once and removes everything it left on the
/// host.
class Machine {
public:
  virtual ~Machine() = default;

  virtual const MachineSpec& spec() const = 0;

  /// Absolute path, inside the machine, of the directory that is ours: source tree, outputs and
  /// scratch go below it.
  virtual std::string workspace() const = 0;

  /// By which other machines may reach it, as who made it knows: those of them that are its own,
  /// the first one best. Empty: it must be asked itself.
  virtual std::vector<std::string> addresses() const { return {}; }

  /// Valid as long as the machine.
  virtual Transport& transport() = 0;

  /// Any thread; does not block but for a grace of some milliseconds in which the cause of a lost
  /// connection (panic, power-off, a dead hypervisor) becomes known.
  virtual Condition condition() = 0;

  /// Has `handler` called once, on a thread of the machine, when it panics, powers off or its
  /// hypervisor dies; at once, on the caller's, when it already has. Not for an end that was asked
  /// for: `save`, or dropping the machine. The handler must not block, nor call `on_end`. Another
  /// handler takes the place of a former one, an empty one takes it back: once this returns, the
  /// former is not being called.
  virtual void on_end(std::function<void(Condition)> handler) = 0;

  /// The last part (at most 256 KiB) of what the kernel and the firmware printed; may hold any
  /// bytes.
  virtual std::string console() const = 0;

  /// Bytes of host memory that only this machine uses.
  virtual Bytes private_memory() const = 0;

  /// Lets a machine that was forked `paused` run. No-op otherwise.
  virtual void resume() = 0;

  /// Saves it alive into its spec's `save_directory` and ends it. Transport::quiesce comes first.
  /// Every file there is read-only then, `snapshot.json` among them; `disk` of the result's spec
  /// lies there when the machine had one.
  virtual Snapshot save(Deadline deadline) = 0;
};

}  // namespace nestbox
