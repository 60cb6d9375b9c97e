#include "runner/plan.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace nestbox {

Plan::Plan(std::vector<PlannedTest> tests, std::size_t environments, Options options)
    : m_tests(std::move(tests)), m_queues(environments), m_options(options) {
  for (std::size_t test = 0; test < m_tests.size(); ++test)
    for (int repetition = 1; repetition <= m_tests[test].repeat; ++repetition, ++m_waiting)
      m_queues[m_tests[test].environment].jobs.push_back(Job{test, repetition, 1, 0});
  for (Queue& queue : m_queues)
    std::sort(queue.jobs.begin(), queue.jobs.end(),
              [this](const Job& a, const Job& b) { return before(a, b); });
}

void Plan::environment_ready(std::size_t environment) {
  m_queues[environment].ready = true;
}

std::vector<Job> Plan::environment_failed(std::size_t environment) {
  std::deque<Job> jobs = std::exchange(m_queues[environment].jobs, {});
  m_waiting -= jobs.size();
  return {jobs.begin(), jobs.end()};
}

std::optional<Job> Plan::next(const std::function<bool(std::size_t environment)>& has_room) {
  if (m_stopped || (m_options.jobs > 0 && m_running >= static_cast<std::size_t>(m_options.jobs)))
    return std::nullopt;
  Queue* best = nullptr;
  for (std::size_t environment = 0; environment < m_queues.size(); ++environment) {
    Queue& queue = m_queues[environment];
    if (queue.ready && !queue.jobs.empty()
        && (!best || before(queue.jobs.front(), best->jobs.front())) && has_room(environment))
      best = &queue;
  }
  if (!best)
    return std::nullopt;
  Job job = best->jobs.front();
  best->jobs.pop_front();
  --m_waiting;
  ++m_running;
  return job;
}

bool Plan::finished(const Job& job, Outcome outcome) {
  --m_running;
  if (std::optional<Job> retry = retry_of(job, outcome)) {
    m_queues[m_tests[job.test].environment].jobs.push_front(*retry);
    ++m_waiting;
    return true;
  }
  if (m_options.fail_fast && (is_failure(outcome) || is_machine_fault(outcome)))
    m_stopped = true;
  return false;
}

std::vector<Job> Plan::stop() {
  m_stopped = true;
  std::vector<Job> dropped;
  for (Queue& queue : m_queues)
    dropped.insert(dropped.end(), queue.jobs.begin(), queue.jobs.end()), queue.jobs.clear();
  std::sort(dropped.begin(), dropped.end(), [](const Job& a, const Job& b) {
    return std::tie(a.test, a.repetition) < std::tie(b.test, b.repetition);
  });
  m_waiting = 0;
  return dropped;
}

bool Plan::before(const Job& a, const Job& b) const {
  auto rank = [this](const Job& job) {
    return std::tuple(-m_tests[job.test].timeout.count(), job.test, job.repetition);
  };
  return rank(a) < rank(b);
}

std::optional<Job> Plan::retry_of(const Job& job, Outcome outcome) const {
  if (m_stopped)
    return std::nullopt;
  Job retry = job;
  ++retry.attempt;
  if (is_machine_fault(outcome) && job.machine_faults < k_machine_retries) {
    ++retry.machine_faults;
    return retry;
  }
  const int failures_before = job.attempt - 1 - job.machine_faults;
  if (is_failure(outcome) && failures_before < m_tests[job.test].retries)
    return retry;
  return std::nullopt;
}

}  // namespace nestbox
