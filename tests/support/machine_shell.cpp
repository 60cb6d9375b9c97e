#include "tests/support/machine_shell.hpp"

#include <gtest/gtest.h>

namespace nestbox {

std::string shell(Machine& machine, const std::string& script) {
  std::string output;
  CommandIo io;
  io.output = [&](OutputStream stream, std::string_view bytes) {
    if (stream == OutputStream::standard_output)
      output += bytes;
  };
  const CommandResult result =
      machine.transport().run({.argv = {"/bin/sh", "-c", script}}, io, soon(), {});
  EXPECT_EQ(result.status, ExitStatus{}) << script;
  return output;
}

Snapshot save(std::unique_ptr<Machine> machine) {
  machine->transport().quiesce(soon());
  return machine->save(soon());
}

}  // namespace nestbox
