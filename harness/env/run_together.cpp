#include "harness/env/run_together.hpp"

#include <exception>
#include <mutex>
#include <thread>

namespace nestbox {

void run_together(const std::vector<CancellableTask>& tasks, const CancelToken& cancel) {
  if (tasks.size() == 1)
    return tasks.front()(cancel);

  CancelSource stop(cancel);
  std::mutex mutex;
  std::exception_ptr failure;
  const auto attempt = [&](const CancellableTask& task) {
    try {
      task(stop.token());
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure)
        failure = std::current_exception();
      stop.cancel();
    }
  };
  {
    std::vector<std::jthread> threads;
    attempt([&](const CancelToken&) {
      for (const CancellableTask& task : tasks)
        threads.emplace_back(attempt, std::cref(task));
    });
  }
  if (failure)
    std::rethrow_exception(failure);
}

}  // namespace nestbox
