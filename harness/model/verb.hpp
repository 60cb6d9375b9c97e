#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "harness/net/impairment.hpp"

/// What drives a world of machines, from the steps of nestbox.yml and from the command line alike.
/// Plain data; verb_parser reads and prints the one grammar of both.
namespace nestbox {

/// `exec MACHINE[,MACHINE…] [--timeout T] [--cwd DIR] [--env K=V]… -- CMD…`: on all at once. Its
/// exit code is the first that is not 0.
struct ExecVerb {
  std::vector<std::string> machines;
  std::optional<std::chrono::milliseconds> timeout;  ///< absent: no limit of its own
  std::string directory;  ///< absolute, in each machine; empty: that of the test
  std::map<std::string, std::string> variables;
  std::vector<std::string> command;  ///< argv
  bool operator==(const ExecVerb&) const = default;
};

/// One end of a copy: `MACHINE[,MACHINE…]:/path`, or a path of the caller's.
struct CopyEnd {
  std::vector<std::string> machines;  ///< empty: the caller's
  std::string path;                   ///< absolute in a machine
  bool operator==(const CopyEnd&) const = default;
};

/// `copy SRC DST`: a file or a folder. At least one end is in a machine; only the destination can
/// be several.
struct CopyVerb {
  CopyEnd from;
  CopyEnd to;
  bool operator==(const CopyVerb&) const = default;
};

/// What `wait-for` waits for, each as the machine itself sees it.
struct PortOpen {
  int port = 0;  ///< TCP: something listens
  bool operator==(const PortOpen&) const = default;
};
struct UnitActive {
  std::string unit;  ///< of systemd
  bool operator==(const UnitActive&) const = default;
};
struct FileExists {
  std::string path;  ///< absolute
  bool operator==(const FileExists&) const = default;
};
struct OutputHolds {
  std::string text;                  ///< that some line of its standard output holds, as it stands
  std::vector<std::string> command;  ///< argv, run again until then
  bool operator==(const OutputHolds&) const = default;
};
using WaitCondition = std::variant<PortOpen, UnitActive, FileExists, OutputHolds>;

/// `wait-for MACHINE[,…] port N | unit NAME | file PATH | output TEXT [--timeout T] [-- CMD…]`: on
/// all of them.
struct WaitForVerb {
  std::vector<std::string> machines;
  WaitCondition condition;
  std::chrono::milliseconds timeout = std::chrono::seconds(60);
  bool operator==(const WaitForVerb&) const = default;
};

/// `machine` (all its links) or `machine@network`.
struct LinkName {
  std::string machine;
  std::string network;  ///< empty: all that the machine stands on
  bool operator==(const LinkName&) const = default;
};

/// `net show [--json]`: each link with its impairment, and the partitions.
struct ShowNetworks {
  bool json = false;
  bool operator==(const ShowNetworks&) const = default;
};
/// `net partition A,B '|' C [--network N]`: frames pass only within a group; machines in none form
/// one further group.
struct Partition {
  std::vector<std::vector<std::string>> groups;  ///< of machines, each in one group
  std::string network;                           ///< empty: all
  bool operator==(const Partition&) const = default;
};
/// `net heal [--network N]`: ends the partition.
struct Heal {
  std::string network;  ///< empty: all
  bool operator==(const Heal&) const = default;
};
/// `net set LINK IMPAIRMENT…`: from now on this impairment and no other.
struct SetImpairment {
  LinkName link;
  Impairment impairment;
  bool operator==(const SetImpairment&) const = default;
};
/// `net reset LINK`: no impairment, up.
struct ResetLink {
  LinkName link;
  bool operator==(const ResetLink&) const = default;
};
/// `net up LINK`, `net down LINK`: the rest of its impairment stays.
struct SwitchLink {
  LinkName link;
  bool up = true;
  bool operator==(const SwitchLink&) const = default;
};
/// `net capture LINK FILE`: every frame of one link, as pcapng, into a file of the caller's.
struct StartCapture {
  LinkName link;
  std::string file;
  bool operator==(const StartCapture&) const = default;
};
/// `net capture-stop LINK`
struct StopCapture {
  LinkName link;
  bool operator==(const StopCapture&) const = default;
};
/// `net counters [--json]`
struct ShowCounters {
  bool json = false;
  bool operator==(const ShowCounters&) const = default;
};
using NetVerb = std::variant<ShowNetworks, Partition, Heal, SetImpairment, ResetLink, SwitchLink,
                             StartCapture, StopCapture, ShowCounters>;

/// `barrier NAME [--of a,b,c] [--timeout T]`: returns when each of them has called it.
struct BarrierVerb {
  std::string name;
  std::vector<std::string> machines;  ///< empty: all of the world
  std::chrono::milliseconds timeout = std::chrono::seconds(60);
  bool operator==(const BarrierVerb&) const = default;
};

/// `connect MACHINE`: a connection to its ssh server, on the caller's stdin and stdout.
struct ConnectVerb {
  std::string machine;
  bool operator==(const ConnectVerb&) const = default;
};

/// `machines [--json]`: names, addresses, conditions.
struct MachinesVerb {
  bool json = false;
  bool operator==(const MachinesVerb&) const = default;
};

using Verb =
    std::variant<ExecVerb, CopyVerb, WaitForVerb, NetVerb, BarrierVerb, ConnectVerb, MachinesVerb>;

}  // namespace nestbox
