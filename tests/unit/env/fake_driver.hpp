#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "harness/vm/driver.hpp"

namespace nestbox {

/// A driver whose machines remember the commands and files that they were given: `ram` in a
/// snapshot, one a line. A script holding "exit N" ends with N, one holding "die" takes the machine
/// down.
class FakeDriver final : public Driver {
public:
  Capabilities can = {
      .machine = true, .fork = true, .network = true, .nested = false, .terminal = true};
  std::atomic<bool> dead_forks = false;  ///< snapshots do not come back to life
  std::atomic<int> boots = 0;
  std::atomic<int> forks = 0;
  std::atomic<int> saves = 0;
  MachineSpec last_boot;
  Identity last_identity;
  std::vector<std::filesystem::path> kept;  ///< what keep() was told of, in order

  std::string_view name() const override { return "fake"; }
  Capabilities capabilities() const override { return can; }
  Availability availability() override {
    return {.available = true, .reason = "", .hint = "", .acceleration = "tcg"};
  }
  std::unique_ptr<Machine> boot(const MachineSpec& spec, const BootOptions& options,
                                Deadline deadline, const CancelToken& cancel) override;
  std::unique_ptr<Machine> fork(const Snapshot& snapshot, const ForkOptions& options,
                                Deadline deadline, const CancelToken& cancel) override;
  void keep(const Snapshot& snapshot) override { kept.push_back(snapshot.directory); }
  std::string snapshot_key() override { return "fake host"; }
  double slowdown() override { return 1; }
};

/// What a machine of the fake driver was given so far.
const std::vector<std::string>& history(Machine& machine);

}  // namespace nestbox
