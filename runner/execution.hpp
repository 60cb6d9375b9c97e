#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "runner/attempt.hpp"
#include "runner/plan.hpp"
#include "runner/test_events.hpp"

namespace nestbox {

/// A selected test and where it runs.
struct AssignedTest {
  Test test;
  std::size_t environment = 0;      ///< index into Execution::Request::environments
  std::optional<std::string> skip;  ///< why it will not run; `environment` means nothing then
  std::string why{};                ///< its driver, for a person; empty: it was asked for
};

/// Runs the selected tests: one thread a running test, one (the caller's) that owns the plan.
class Execution {
public:
  using Prepare =
      std::function<std::shared_ptr<PreparedStage>(const EnvironmentUse&, const CancelToken&)>;
  /// The folder of one execution, made.
  using MakeDirectory = std::function<std::filesystem::path(const std::string& run_id)>;

  struct Request {
    std::vector<AssignedTest> tests;
    std::vector<EnvironmentUse> environments;
    Plan::Options options;
    Resources resources;
    RunContext context;
    Prepare prepare;  ///< called on threads of its own, at most two at once; throws Error
    MakeDirectory make_directory;
  };

  Execution(Request request, TestEventListener& listener);
  ~Execution();

  /// Blocks until every test has ended. Once.
  RunSummary run();

  /// The first call starts no new tests and lets the running ones finish, the second ends those
  /// too. Any thread.
  void interrupt();

private:
  struct Running;

  void post(std::function<void()> message);
  std::function<void()> take();

  void skip_unrunnable();
  void start_preparing();
  void prepare_next();
  void on_prepared(std::size_t environment, std::shared_ptr<PreparedStage> prepared,
                   std::chrono::nanoseconds duration);
  void on_preparation_failed(std::size_t environment, const Error& error);
  void on_interrupt();
  void start_tests();
  void start(const Job& job, ResourcePool::Lease lease);
  void on_finished(std::list<Running>::iterator running, TestResult result);
  void cancel_waiting(std::string_view reason);
  void settle(const Job& job, Outcome outcome, std::string detail);
  void report(const TestRun& run, const TestResult& result);
  TestRun describe(const Job& job) const;
  Resources needs(std::size_t environment) const;
  ResourcePool& pool_of(std::size_t environment);

  Request m_request;
  TestEventListener& m_listener;
  Plan m_plan;
  ResourcePool m_pool;                            ///< this host's
  std::map<std::string, ResourcePool> m_bounded;  ///< of drivers whose machines are elsewhere
  std::vector<std::size_t> m_planned;             ///< the plan's test index → ours
  std::vector<std::shared_ptr<PreparedStage>> m_prepared;
  std::vector<Bytes> m_memory_seen;  ///< the most private memory of one test, by environment
  std::list<Running> m_running;
  CancelSource m_cancel_preparing;
  CancelSource m_cancel_tests;
  int m_interrupts = 0;
  int m_machines = 0;
  RunSummary m_summary;

  std::mutex m_mutex;
  std::condition_variable m_posted;
  std::deque<std::function<void()>> m_inbox;
  std::size_t m_next_environment = 0;  ///< guarded by m_mutex
  std::vector<std::thread> m_preparers;
};

/// 130 interrupted, 1 a test failed, 3 a machine fault was the last word, else 0.
int exit_code_of(const RunSummary& summary);

}  // namespace nestbox
