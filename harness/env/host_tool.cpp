#include "harness/env/host_tool.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>

#include "harness/base/pipe.hpp"
#include "harness/base/text.hpp"
#include "harness/env/tail.hpp"

namespace nestbox {

void run_tool(ProcessSpec spec, Progress& progress, Deadline deadline, const CancelToken& cancel) {
  Pipe pipe;
  spec.descriptors[1] = pipe.writing.get();
  spec.descriptors[2] = pipe.writing.get();
  spec.whole_tree = true;
  Process process = Process::spawn(spec);
  pipe.writing.close();

  Tail tail;
  std::array<char, 65536> buffer{};
  const auto expect = [&](Wait wait) {
    if (wait == Wait::cancelled)
      cancel.throw_if_cancelled();
    if (wait == Wait::timed_out)
      throw Error(ErrorCode::timeout, fmt::format("'{}' took too long", spec.argv.front()));
  };
  while (true) {
    expect(wait_readable(pipe.reading.get(), deadline, cancel));
    const ssize_t count = ::read(pipe.reading.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      break;
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(count));
    tail.add(bytes);
    progress.output(bytes);
  }
  expect(wait_readable(process.descriptor(), deadline, cancel));
  const std::optional<ExitStatus> status = process.wait(deadline, cancel);
  if (!status || !status->success())
    throw Error(ErrorCode::infrastructure,
                fmt::format("'{}' failed ({}):\n{}", spec.argv.front(),
                            status ? describe(*status) : "no exit status",
                            printable(tail.last_lines())));
}

void require_tool(const std::string& program, const std::string& package) {
  if (!find_program(program))
    throw Error(ErrorCode::infrastructure,
                fmt::format("'{}' is not installed on this host", program),
                fmt::format("apt-get install {}", package));
}

}  // namespace nestbox
