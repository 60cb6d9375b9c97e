#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "harness/env/environment.hpp"

namespace nestbox {

/// How the machines of one fake environment behave. Shared by all of them and by the test that
/// watches.
struct FakeWorld {
  using Run =
      std::function<CommandResult(const Command&, const CommandIo&, Deadline, const CancelToken&)>;

  Run run = [](const Command&, const CommandIo&, Deadline, const CancelToken&) {
    return CommandResult{};
  };
  std::function<void(const std::string& name)> before_machine = [](const std::string&) {};
  /// Fills what TEST_OUTPUT_DIR held.
  std::function<void(const fs::path& destination)> outputs = [](const fs::path&) {};
  Condition condition = Condition::running;
  std::string console;
  Bytes private_memory = mebibytes(40);
  /// Plays a program in machine `name` that calls the host; false when nobody takes calls.
  bool call(const std::string& name, FileDescriptor socket);
  /// Plays the end of machine `name`.
  void end(const std::string& name, Condition how);

  std::atomic<int> made{0};   ///< machines, ever
  std::atomic<int> alive{0};  ///< machines, now
  std::atomic<int> most{0};   ///< machines at once
  std::mutex mutex;
  std::vector<std::string> put;   ///< "DESTINATION: FILE FILE", in order
  std::vector<Command> commands;  ///< in order
  std::map<std::string, std::function<void(FileDescriptor)>> on_call;  ///< by machine
  std::map<std::string, std::function<void(Condition)>> on_end;        ///< by machine
};

/// A machine whose commands are functions of the test.
std::unique_ptr<Machine> make_fake_machine(std::shared_ptr<FakeWorld> world,
                                           const std::string& name);

/// An environment that makes such machines.
std::shared_ptr<PreparedEnvironment> make_fake_environment(std::shared_ptr<FakeWorld> world,
                                                           Environment definition = {});

/// A command that prints `text` and ends with `code`.
FakeWorld::Run printing(std::string text, int code);

}  // namespace nestbox
