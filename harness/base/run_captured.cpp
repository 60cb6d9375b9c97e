#include <unistd.h>

#include <algorithm>

#include "harness/base/error.hpp"
#include "harness/base/pipe.hpp"
#include "harness/base/subprocess.hpp"
#include "harness/base/text.hpp"
#include "harness/base/watch.hpp"

namespace nestbox {

Captured run_captured(ProcessSpec spec, Deadline deadline, const CancelToken& cancel, Bytes limit) {
  // Writers that outlive their parent would hold the pipes open, and outlive us too.
  spec.whole_tree = true;
  Pipe output, diagnostics;
  spec.descriptors[STDOUT_FILENO] = output.writing.get();
  spec.descriptors[STDERR_FILENO] = diagnostics.writing.get();
  Process process = Process::spawn(spec);
  output.writing.close();
  diagnostics.writing.close();

  Captured captured;
  const auto keep_in = [limit](std::string& text) {
    return [&text, limit](std::string_view piece) {
      text += piece.substr(0, std::min<std::uint64_t>(piece.size(), limit.count - text.size()));
    };
  };
  std::vector<Watch> watches = {
      watch_output(output.reading.get(), keep_in(captured.output)),
      watch_output(diagnostics.reading.get(), keep_in(captured.diagnostics))};
  switch (watch_until_end(process, watches, deadline, cancel)) {
  case Wait::timed_out:
    throw Error(ErrorCode::timeout, "'" + spec.argv[0] + "' took too long and was ended");
  case Wait::cancelled:
    throw Error(ErrorCode::cancelled, "'" + spec.argv[0] + "' was cancelled");
  case Wait::ready:
    break;
  }
  captured.status = *process.wait(Deadline::never());
  if (spec.leaves_running)
    serve_ready(watches);  // who holds the pipes may go on for ever
  else
    watch_until_done(watches, deadline);
  return captured;
}

std::string run_checked(ProcessSpec spec, Deadline deadline, const CancelToken& cancel) {
  constexpr std::size_t k_last_bytes = 2000;
  const std::string name = spec.argv.empty() ? "" : spec.argv[0];
  Captured captured = run_captured(std::move(spec), deadline, cancel);
  if (captured.status.success())
    return std::move(captured.output);
  std::string_view last = trim(captured.diagnostics);
  if (last.size() > k_last_bytes)
    last.remove_prefix(
        std::min(last.find('\n', last.size() - k_last_bytes), last.size() - k_last_bytes));
  throw Error(ErrorCode::infrastructure,
              "'" + name + "' failed: " + describe(captured.status)
                  + (last.empty() ? "" : "\n" + std::string(trim(last))));
}

}  // namespace nestbox
