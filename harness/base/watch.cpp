#include "harness/base/watch.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <memory>

#include "harness/base/error.hpp"

namespace nestbox {

namespace {

// Calls the watches that are ready; theirs are the events of `polled` from `first` on.
void serve(std::vector<Watch>& watches, const std::vector<pollfd>& polled, std::size_t first) {
  std::vector<Watch> left;
  for (std::size_t i = 0; i < watches.size(); ++i) {
    if (!polled[first + i].revents || watches[i].ready())
      left.push_back(std::move(watches[i]));
  }
  watches = std::move(left);
}

Wait watch(std::vector<Watch>& watches, int end, Deadline deadline, const CancelToken& cancel) {
  constexpr std::size_t k_first_watch = 2;
  while (end >= 0 || !watches.empty()) {
    std::vector<pollfd> polled = {{cancel.descriptor(), POLLIN, 0}, {end, POLLIN, 0}};
    for (const Watch& watch : watches)
      polled.push_back({watch.descriptor, POLLIN, 0});
    const int ready = ::poll(polled.data(), polled.size(), deadline.poll_timeout());
    if (ready < 0 && errno != EINTR)
      throw system_error("cannot wait for a process", errno);
    if (ready > 0 && polled[0].revents)
      return Wait::cancelled;
    if (ready > 0 && polled[1].revents)
      return Wait::ready;
    // A flood of output must not outlast the deadline.
    if (deadline.passed())
      return Wait::timed_out;
    if (ready > 0)
      serve(watches, polled, k_first_watch);
  }
  return Wait::ready;
}

}  // namespace

Wait watch_until_end(const Process& process, std::vector<Watch>& watches, Deadline deadline,
                     const CancelToken& cancel) {
  return watch(watches, process.descriptor(), deadline, cancel);
}

bool watch_until_done(std::vector<Watch>& watches, Deadline deadline) {
  return watch(watches, -1, deadline, {}) == Wait::ready;
}

void serve_ready(std::vector<Watch>& watches) {
  std::vector<pollfd> polled;
  for (const Watch& watch : watches)
    polled.push_back({watch.descriptor, POLLIN, 0});
  if (::poll(polled.data(), polled.size(), 0) > 0)
    serve(watches, polled, 0);
}

Watch watch_output(int descriptor, std::function<void(std::string_view)> sink) {
  constexpr std::size_t k_piece = 1 << 16;
  auto buffer = std::make_shared<std::array<char, k_piece>>();
  return {descriptor, [descriptor, buffer, sink = std::move(sink)] {
            const ssize_t got = ::read(descriptor, buffer->data(), buffer->size());
            if (got < 0)
              return errno == EINTR || errno == EAGAIN;
            // A terminal that nobody holds any more ends with EIO, a pipe with 0.
            if (got > 0)
              sink({buffer->data(), static_cast<std::size_t>(got)});
            return got > 0;
          }};
}

}  // namespace nestbox
