#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/clock.hpp"
#include "harness/base/scope.hpp"
#include "harness/base/subprocess.hpp"
#include "harness/base/units.hpp"

namespace nestbox {

struct TerminalSize {
  unsigned short rows = 24;
  unsigned short columns = 80;
  bool operator==(const TerminalSize&) const = default;
};

/// What to run in a machine.
struct Command {
  std::vector<std::string> argv;                     ///< argv[0] is searched in the machine's PATH
  std::map<std::string, std::string> environment{};  ///< added to the machine's own small default
  std::string working_directory{};  ///< absolute; empty: the machine's home for commands ("/")
  std::optional<TerminalSize>
      terminal{};  ///< run on a new pty of this size; stdout and stderr are then one stream
  /// What it has left running when it ends by itself goes on, with its stdout and stderr closed;
  /// else that ends, too. Through the agent only.
  bool leaves_running = false;
};

enum class OutputStream { standard_output, standard_error };

/// Where a command's bytes go to and come from. `output` is called on a thread of the transport,
/// one call at a time, and may block: the command is then held back (flow control), never cut. The
/// agent ends it at its deadline all the same; `run` returns once the call does.
struct CommandIo {
  std::function<void(OutputStream, std::string_view)> output{};
  int input = -1;  ///< read to its end as the command's stdin; -1: empty stdin
  std::function<std::optional<TerminalSize>()>
      resized{};  ///< asked when `resize_event` is readable
  int resize_event = -1;
};

struct CommandResult {
  ExitStatus status;
  bool timed_out = false;  ///< the deadline passed; the whole process tree was killed
  bool cancelled = false;  ///< likewise, by the token
  int oom_kills = 0;  ///< processes that the machine's kernel killed for want of memory meanwhile
};

/// A way to addresses that are not on the interface's own networks.
struct Route {
  std::string destination;  ///< "0.0.0.0/0", "2001:db8::/32"
  std::string gateway;      ///< "192.0.2.1", on one of the interface's own networks

  bool operator==(const Route&) const = default;
};

/// What one of MachineSpec::interfaces is to be. It is up then.
struct InterfaceIdentity {
  std::string mac{};                     ///< empty: as it is
  std::vector<std::string> addresses{};  ///< "192.0.2.7/24", "2001:db8::7/64"; usable at once
  int mtu = 0;                           ///< bytes; 0: as it is
  std::vector<Route> routes{};

  bool operator==(const InterfaceIdentity&) const = default;
};

/// What makes one clone different from its brothers; given before the first byte of a test.
struct Identity {
  std::string hostname;
  std::string machine_id;               ///< 32 hex digits
  std::string entropy;                  ///< 64 random bytes for the kernel's pool
  std::chrono::nanoseconds realtime{};  ///< since the epoch; what the clock is to say
  /// In the order of MachineSpec::interfaces; those beyond are left alone. One that is given what
  /// it was given before is left alone, too, whatever the machine made of it since; else what it
  /// was given before is taken away.
  std::vector<InterfaceIdentity> interfaces;
  /// Lines of /etc/hosts, "192.0.2.7 db db.lan", in the place of those of an earlier identity.
  std::vector<std::string> hosts;
};

/// How commands and files get in and out of one machine. Any thread; several commands may run at
/// once. Throws Error(lost) once the machine no longer answers, Error(corrupt) when it answers
/// garbage.
class Transport {
public:
  virtual ~Transport() = default;

  /// Runs to the end, streaming. At the deadline (or cancel) kills the command's whole process tree
  /// and returns.
  virtual CommandResult run(const Command& command, const CommandIo& io, Deadline deadline,
                            const CancelToken& cancel) = 0;

  /// Copies files into `destination` (a directory in the machine, made when absent). `files` are
  /// relative to `root`; types regular (sparse kept), directory, symlink; modes kept, times not,
  /// owner root.
  virtual void put(const std::filesystem::path& root, const std::vector<std::string>& files,
                   const std::string& destination, Deadline deadline,
                   const CancelToken& cancel) = 0;

  /// Copies a tree of the machine below `destination` on the host; nothing may land outside it,
  /// symlinks are not followed. A missing source copies nothing. More than `limit` bytes or
  /// 1,000,000 entries: Error(corrupt).
  virtual void get(const std::string& source, const std::filesystem::path& destination, Bytes limit,
                   Deadline deadline, const CancelToken& cancel) = 0;

  /// Makes a restored clone itself: kernel reseeded, clock, hostname, machine-id, network. Returns
  /// after it is done.
  virtual void thaw(const Identity& identity, Deadline deadline) = 0;

  /// Before a save: filesystems synced, nothing in flight; the next thing the machine hears is a
  /// new connection.
  virtual void quiesce(Deadline deadline) = 0;

  /// Round trip of a nonce.
  virtual void ping(Deadline deadline, const CancelToken& cancel) = 0;

  /// Has `handler` called for each program in the machine that calls the host (its root,
  /// through guest/verb_protocol.hpp's socket). What it is given is the host's end of that
  /// connection: its bytes go to and fro, a half-close passes through, and closing it ends the
  /// call. Called on a thread of the transport; must not block, nor call `on_call`. At most 64
  /// calls at a time; those beyond are refused at once, and so are all while there is no handler.
  /// An empty one takes it back: once this returns, the former is not being called. `quiesce` ends
  /// every call.
  virtual void on_call(std::function<void(FileDescriptor)> handler) = 0;
};

}  // namespace nestbox
