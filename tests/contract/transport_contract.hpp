#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "harness/base/filesystem.hpp"
#include "harness/vm/transport.hpp"

namespace nestbox {

/// A machine that a transport leads to, for one test of the contract.
class TransportHost {
public:
  virtual ~TransportHost() = default;
  virtual Transport& transport() = 0;
  /// An absolute path in the machine where the test may leave files; need not exist.
  virtual std::string scratch() const = 0;
};

/// One transport to hold against the contract. The machine needs a POSIX shell and the usual small
/// programs.
struct TransportCase {
  std::string name;
  std::function<std::unique_ptr<TransportHost>()> make;
  Bytes large_output = mebibytes(64);
};

inline void PrintTo(const TransportCase& subject, std::ostream* stream) {
  *stream << subject.name;
}

/// What every Transport must do. A test program compiles transport_contract.cpp in and instantiates
/// the suite:
///   INSTANTIATE_TEST_SUITE_P(Host, TransportContract, testing::Values(TransportCase{…}));
class TransportContract : public testing::TestWithParam<TransportCase> {
protected:
  TransportContract();

  struct Outcome {
    CommandResult result;
    std::string output;
    std::string diagnostics;
  };
  Outcome run(Command command, int input = -1);
  Outcome shell(const std::string& script);
  /// Runs `command` and calls `on_ready` once, as soon as it has written a line "ready".
  Outcome run_until_ready(const Command& command, CommandIo io, const CancelToken& cancel,
                          const std::function<void()>& on_ready);

  Transport& transport() { return m_host->transport(); }
  std::string inside(const std::string& name) const { return m_host->scratch() + "/" + name; }
  fs::path outside(const std::string& name) const { return m_directory.path() / name; }
  static Deadline deadline();

private:
  std::unique_ptr<TransportHost> m_host;
  TemporaryDirectory m_directory;
};

}  // namespace nestbox
