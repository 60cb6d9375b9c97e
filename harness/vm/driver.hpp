#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/vm/bounds.hpp"
#include "harness/vm/machine.hpp"

namespace nestbox {

/// What a driver's machines come from: which part of a MachineSpec it looks at.
enum class Boots {
  host,    ///< none: its machines are places on hosts that exist
  kernel,  ///< kernel, initramfs, and a disk if there is one; or a disk alone
  image,   ///< `image`, which it knows how to get, or a root filesystem archive as `disk`
};

/// What a driver can do: asked while planning, so that nothing is refused at run time.
struct Capabilities {
  Boots boots = Boots::kernel;
  bool machine = false;   ///< a kernel of its own (isolation: machine)
  bool fork = false;      ///< live snapshots and clones of them
  bool network = false;   ///< NetworkAccess::user
  bool ethernet = false;  ///< MachineSpec::interfaces
  bool peers = false;     ///< machines that are thrown away after, on one network of the driver's
  bool nested = false;    ///< a working /dev/kvm inside
  bool terminal = false;  ///< Command::terminal
  bool docker = false;    ///< MachineSpec::docker
  bool linux_machines = true;
  bool windows_machines = false;            ///< MachineSpec::windows
  std::chrono::milliseconds start_limit{};  ///< how long a start may take, if that is very long
  Bounds bounds{};

  bool operator==(const Capabilities&) const = default;
};

/// Whether a driver can work on this host now, why not, and what to do about it.
struct Availability {
  bool available = false;
  std::string reason{};  ///< for a person, one line: "qemu-system-x86_64 7.2.22, tcg (no kvm: there
                         ///< is no '/dev/kvm')"
  std::string hint{};    ///< "apt-get install qemu-system-x86"; empty when available
  std::string acceleration{};  ///< one word for NESTBOX_ACCELERATION: "kvm", "tcg"; "native"
                               ///< without a guest kernel
  std::vector<std::string> details{};  ///< the whole story behind `reason`; may hold foreign words
};

/// Something a nestbox that was killed has left with a driver.
struct Leftover {
  std::string what;      ///< for a person: "container 'nestbox-db-1f2e'"
  std::string owner{};   ///< to_string(Owner) of who made it
  std::string failed{};  ///< why it could not be ended; empty: it is, or was not to be
};

struct BootOptions {
  /// What the machine's interfaces are wired to: one connected SOCK_STREAM socket for each, in
  /// their order, over which every Ethernet frame goes behind its length (32 bits, big endian).
  /// Borrowed until the call returns; the machine keeps its own. Empty: wired to nothing.
  std::vector<int> cables{};
};

struct ForkOptions {
  std::string name;
  bool paused = false;  ///< restored but not running, for a warm pool; Machine::resume starts it
  /// As MachineSpec::save_directory: one more layer on top of the snapshot. Costs a copy of its
  /// RAM.
  std::optional<std::filesystem::path> save_directory{};
  std::vector<int> cables{};  ///< as BootOptions::cables
};

/// What makes machines. One object a process, any thread; machines may outlive no driver.
class Driver {
public:
  virtual ~Driver() = default;

  virtual std::string_view name() const = 0;
  virtual Capabilities capabilities() const = 0;

  /// May take seconds the first time (it boots a probe guest), is cached after.
  virtual Availability availability() = 0;

  /// Cold boot, until the agent has answered. Throws Error(infrastructure) with the console's last
  /// lines.
  virtual std::unique_ptr<Machine> boot(const MachineSpec& spec, const BootOptions& options,
                                        Deadline deadline, const CancelToken& cancel) = 0;

  /// A clone that has answered a nonce (unless paused). Not yet thawed. Error(lost) when it did not
  /// answer: the caller drops the snapshot and boots cold.
  virtual std::unique_ptr<Machine> fork(const Snapshot& snapshot, const ForkOptions& options,
                                        Deadline deadline, const CancelToken& cancel) = 0;

  /// The layer with this snapshot has been published: what a machine that this process saved has
  /// outside of it (an image in a cloud) is not ended with the process any more. Any snapshot of
  /// this driver, any number of times. Throws Error.
  virtual void keep([[maybe_unused]] const Snapshot& snapshot) {}

  /// The layer with this snapshot is given to other hosts: what it has outside stays when this one
  /// has the layer no more. Any snapshot of any driver, any number of times. Throws Error.
  virtual void share([[maybe_unused]] const Snapshot& snapshot) {}

  /// All of this host and this driver that a live snapshot depends on (QEMU binary, accelerator,
  /// CPU model and host CPU flags, machine type, format version), as one hashable text.
  virtual std::string snapshot_key() = 0;

  /// Wall time a CPU-bound guest needs, over the host's: 1.0 native, about 10 to 20 under
  /// emulation.
  virtual double slowdown() = 0;

  /// The words for MachineSpec::image that always mean what `image` ("docker:debian:12",
  /// "dockerfile:/src/image") means now; got or made when absent. Of drivers that boot images.
  /// Throws Error(usage) for words that it does not know, Error(not_found), Error(infrastructure).
  virtual std::string resolve_image(const std::string& image, [[maybe_unused]] Deadline deadline,
                                    [[maybe_unused]] const CancelToken& cancel) {
    throw Error(ErrorCode::unsupported,
                "driver '" + std::string(name()) + "' does not know image '" + image + "'");
  }

  /// Finds what nobody owns any more (base/owner.hpp) and ends it, unless `dry_run`. Throws Error
  /// when it cannot even look.
  virtual std::vector<Leftover> reap([[maybe_unused]] bool dry_run,
                                     [[maybe_unused]] Deadline deadline,
                                     [[maybe_unused]] const CancelToken& cancel) {
    return {};
  }
};

}  // namespace nestbox
