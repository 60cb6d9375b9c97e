#include "harness/guest/run_in_machine.hpp"

#include "harness/base/error.hpp"

namespace nestbox {
namespace {

constexpr std::size_t k_most = 64 * 1024;

}  // namespace

Captured run_in_machine(Transport& transport, const Command& command, Deadline deadline,
                        const CancelToken& cancel) {
  Captured captured;
  CommandIo io;
  io.output = [&](OutputStream stream, std::string_view bytes) {
    std::string& kept =
        stream == OutputStream::standard_output ? captured.output : captured.diagnostics;
    kept += bytes.substr(0, k_most - kept.size());
  };
  const CommandResult result = transport.run(command, io, deadline, cancel);
  if (result.cancelled)
    cancel.throw_if_cancelled();
  if (result.timed_out)
    throw Error(ErrorCode::timeout, "'" + command.argv.front() + "' took too long in the machine");
  captured.status = result.status;
  return captured;
}

}  // namespace nestbox
