#include "runner/execution.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace nestbox {
namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

/// Building two environments at once keeps the disk and a core busy; more would only get in each
/// other's way.
constexpr std::size_t k_preparers = 2;

std::vector<PlannedTest> planned_tests(const std::vector<AssignedTest>& tests) {
  std::vector<PlannedTest> planned;
  for (const AssignedTest& assigned : tests)
    if (!assigned.skip)
      planned.push_back({assigned.environment, assigned.test.timeout,
                         std::max(1, assigned.test.repeat), assigned.test.retries});
  return planned;
}

}  // namespace

struct Execution::Running {
  Job job;
  TestRun run;
  ResourcePool::Lease lease;
  std::thread thread;
};

Execution::Execution(Request request, TestEventListener& listener)
    : m_request(std::move(request)), m_listener(listener),
      m_plan(planned_tests(m_request.tests), m_request.environments.size(), m_request.options),
      m_pool(m_request.resources), m_prepared(m_request.environments.size()),
      m_memory_seen(m_request.environments.size()) {
  for (std::size_t test = 0; test < m_request.tests.size(); ++test)
    if (!m_request.tests[test].skip)
      m_planned.push_back(test);
}

Execution::~Execution() = default;

RunSummary Execution::run() {
  const auto start = steady_clock::now();
  skip_unrunnable();
  start_preparing();
  while (!m_plan.done())
    take()();
  m_cancel_preparing.cancel();
  for (std::thread& preparer : m_preparers)
    preparer.join();
  m_summary.duration = steady_clock::now() - start;
  m_summary.interrupted = m_interrupts > 0;
  m_summary.exit_code = exit_code_of(m_summary);
  return m_summary;
}

void Execution::interrupt() {
  post([this] { on_interrupt(); });
}

void Execution::post(std::function<void()> message) {
  {
    std::lock_guard lock(m_mutex);
    m_inbox.push_back(std::move(message));
  }
  m_posted.notify_one();
}

/// Waits without an end of its own: whatever it waits for has a deadline, and an interrupt is a
/// message too.
std::function<void()> Execution::take() {
  std::unique_lock lock(m_mutex);
  m_posted.wait(lock, [this] { return !m_inbox.empty(); });
  std::function<void()> message = std::move(m_inbox.front());
  m_inbox.pop_front();
  return message;
}

void Execution::skip_unrunnable() {
  for (const AssignedTest& assigned : m_request.tests) {
    if (!assigned.skip)
      continue;
    TestRun run;
    run.test = &assigned.test;
    run.id = assigned.test.name;
    TestResult result;
    result.outcome = Outcome::skipped;
    result.detail = *assigned.skip;
    report(run, result);
  }
}

void Execution::start_preparing() {
  const std::size_t threads = std::min(k_preparers, m_request.environments.size());
  for (std::size_t index = 0; index < threads; ++index)
    m_preparers.emplace_back([this] { prepare_next(); });
}

void Execution::prepare_next() {
  while (true) {
    std::size_t environment;
    {
      std::lock_guard lock(m_mutex);
      if (m_next_environment == m_request.environments.size())
        return;
      environment = m_next_environment++;
    }
    const EnvironmentUse& use = m_request.environments[environment];
    const CancelToken cancel = m_cancel_preparing.token();
    m_listener.environment_started(use);
    const auto start = steady_clock::now();
    auto prepared = catch_error([&] {
      cancel.throw_if_cancelled();
      return m_request.prepare(use, cancel);
    });
    const nanoseconds duration = steady_clock::now() - start;
    if (prepared)
      post([this, environment, duration, ready = std::move(*prepared)] {
        on_prepared(environment, ready, duration);
      });
    else
      post([this, environment, error = prepared.error()] {
        on_preparation_failed(environment, error);
      });
  }
}

void Execution::on_prepared(std::size_t environment, std::shared_ptr<PreparedStage> prepared,
                            nanoseconds duration) {
  m_listener.environment_ready(m_request.environments[environment], duration);
  m_prepared[environment] = std::move(prepared);
  m_plan.environment_ready(environment);
  start_tests();
}

void Execution::on_preparation_failed(std::size_t environment, const Error& error) {
  const EnvironmentUse& use = m_request.environments[environment];
  const bool cancelled = error.code == ErrorCode::cancelled;
  if (!cancelled)
    m_listener.environment_failed(use, error);
  for (const Job& job : m_plan.environment_failed(environment))
    settle(job, cancelled ? Outcome::cancelled : Outcome::infra,
           cancelled ? "never started: the run was interrupted"
                     : fmt::format("{} could not be made: {}", use.label(), error.message));
}

void Execution::on_interrupt() {
  ++m_interrupts;
  cancel_waiting("never started: the run was interrupted");
  m_cancel_preparing.cancel();
  if (m_interrupts > 1)
    m_cancel_tests.cancel();
  if (m_plan.running() == 0)
    return;
  m_listener.note(
      m_interrupts > 1
          ? "interrupted again: ending the running tests"
          : fmt::format("interrupted: no new tests start; waiting for {} running (interrupt "
                        "again to end them now)",
                        m_plan.running()));
}

void Execution::start_tests() {
  while (std::optional<Job> job = m_plan.next([this](std::size_t environment) {
    return pool_of(environment).has_room_for(needs(environment));
  })) {
    const std::size_t environment = m_request.tests[m_planned[job->test]].environment;
    start(*job, *pool_of(environment).try_take(needs(environment)));
  }
}

void Execution::start(const Job& job, ResourcePool::Lease lease) {
  const AssignedTest& assigned = m_request.tests[m_planned[job.test]];
  TestRun run = describe(job);
  run.machine = fmt::format(
      "nestbox-{}-{}", m_request.context.run_id.substr(m_request.context.run_id.rfind('-') + 1),
      ++m_machines);
  run.directory = m_request.make_directory(run.id);
  auto running =
      m_running.insert(m_running.end(), Running{job, std::move(run), std::move(lease), {}});
  m_listener.test_started(running->run);
  running->thread = std::thread([this, running, environment = assigned.environment] {
    TestResult result =
        run_attempt(m_request.context, m_request.environments[environment],
                    *m_prepared[environment], running->run, m_listener, m_cancel_tests.token());
    post([this, running, ended = std::move(result)] { on_finished(running, ended); });
  });
}

void Execution::on_finished(std::list<Running>::iterator running, TestResult result) {
  running->thread.join();
  const Job job = running->job;
  const std::size_t environment = m_request.tests[m_planned[job.test]].environment;
  m_memory_seen[environment] = std::max(m_memory_seen[environment], result.private_memory);
  result.run_again = m_plan.finished(job, result.outcome);
  if (job.attempt > 1 && result.outcome == Outcome::passed)
    result.detail = fmt::format("passed on attempt {}", job.attempt);
  report(running->run, result);
  if (result.run_again)
    m_listener.note(fmt::format("'{}' runs again on a fresh machine: {} ({})",
                                running->run.test->name, outcome_name(result.outcome),
                                result.detail));
  m_running.erase(running);
  if (m_plan.stopped())
    cancel_waiting("never started: an earlier test failed (--fail-fast)");
  start_tests();
}

void Execution::cancel_waiting(std::string_view reason) {
  for (const Job& job : m_plan.stop())
    settle(job, Outcome::cancelled, std::string(reason));
}

/// The outcome of a job that never ran.
void Execution::settle(const Job& job, Outcome outcome, std::string detail) {
  TestResult result;
  result.outcome = outcome;
  result.detail = std::move(detail);
  report(describe(job), result);
}

void Execution::report(const TestRun& run, const TestResult& result) {
  m_listener.test_finished(run, result);
  if (result.run_again)
    return;
  ++m_summary.outcomes[result.outcome];
  for (const CaseReport& cases : result.reports)
    for (const TestCase& test_case : cases.cases)
      ++m_summary.cases[test_case.outcome];
}

TestRun Execution::describe(const Job& job) const {
  const AssignedTest& assigned = m_request.tests[m_planned[job.test]];
  TestRun run;
  run.test = &assigned.test;
  run.id = assigned.test.name;
  if (assigned.test.repeat > 1)
    run.id += fmt::format(" ({}/{})", job.repetition, assigned.test.repeat);
  if (job.attempt > 1)
    run.id += fmt::format(", attempt {}", job.attempt);
  run.driver = m_request.environments[assigned.environment].driver;
  run.repetition = job.repetition;
  run.attempt = job.attempt;
  return run;
}

/// All machines of a test at once: were each lent by itself, tests that have some of theirs could
/// wait for each other.
ResourcePool& Execution::pool_of(std::size_t environment) {
  const EnvironmentUse& use = m_request.environments[environment];
  if (!use.bounds)
    return m_pool;
  const Resources all{use.bounds->cores, use.bounds->memory, use.bounds->machines};
  return m_bounded.try_emplace(use.driver, all).first->second;
}

/// What a test of an environment takes: memory as its machines were seen to use it, with a quarter
/// to spare; a quarter of their size until they were seen.
Resources Execution::needs(std::size_t environment) const {
  const EnvironmentUse& use = m_request.environments[environment];
  const Resources size = use.size();
  if (use.bounds)
    return size;
  if (use.on_host)
    return {size.cores, Bytes{}};
  const Bytes seen = m_memory_seen[environment];
  return {size.cores, Bytes{seen.count > 0 ? seen.count + seen.count / 4 : size.memory.count / 4}};
}

int exit_code_of(const RunSummary& summary) {
  if (summary.interrupted)
    return 130;
  auto any = [&](auto matches) {
    return std::any_of(summary.outcomes.begin(), summary.outcomes.end(),
                       [&](const auto& entry) { return entry.second > 0 && matches(entry.first); });
  };
  if (any(is_failure))
    return 1;
  return any(is_machine_fault) ? 3 : 0;
}

}  // namespace nestbox
