#include "harness/base/subprocess.hpp"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

#include <boost/process/child.hpp>
#include <boost/process/error.hpp>
#include <boost/process/extend.hpp>

#include "harness/base/child_setup.hpp"
#include "harness/base/error.hpp"
#include "harness/base/pipe.hpp"
#include "harness/base/tree_supervisor.hpp"

namespace nestbox {

namespace {

// The kernel sends PR_SET_PDEATHSIG when the *thread* that forked ends: hence one that never does.
class Spawner {
public:
  using Task = std::packaged_task<pid_t()>;

  static Spawner& instance() {
    static Spawner* spawner = new Spawner;
    return *spawner;
  }

  pid_t run(Task task) {
    std::future<pid_t> result = task.get_future();
    {
      const std::lock_guard lock(m_mutex);
      m_tasks.push_back(std::move(task));
    }
    m_wanted.notify_one();
    return result.get();
  }

private:
  Spawner() {
    // Children start with this thread's mask: none of our signal handlers may run in them.
    sigset_t all, ours;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &ours);
    std::thread([this] { serve(); }).detach();
    ::pthread_sigmask(SIG_SETMASK, &ours, nullptr);
  }

  void serve() {
    while (true) {
      std::unique_lock lock(m_mutex);
      m_wanted.wait(lock, [this] { return !m_tasks.empty(); });
      Task task = std::move(m_tasks.front());
      m_tasks.pop_front();
      lock.unlock();
      task();
    }
  }

  std::mutex m_mutex;
  std::condition_variable m_wanted;
  std::deque<Task> m_tasks;
};

// Boost forks and executes; what happens between is ChildSetup's.
struct Launch : boost::process::extend::handler {
  ChildSetup& setup;
  int& fork_error;

  Launch(ChildSetup& child_setup, int& error) : setup(child_setup), fork_error(error) {}

  template <class Executor>
  void on_setup(Executor& executor) const {
    executor.exe = setup.program();
    executor.cmd_line = setup.argv();
    executor.env = const_cast<char**>(setup.environment());
  }
  template <class Executor>
  void on_exec_setup(Executor&) const {
    setup.enter();
  }
  template <class Executor>
  void on_exec_error(Executor&, const std::error_code& error) const {
    setup.exec_failed(error.value());
  }
  template <class Executor>
  void on_fork_error(Executor&, const std::error_code& error) const {
    fork_error = error.value();
  }
};

pid_t fork_and_execute(ChildSetup& setup) {
  int fork_error = 0;
  boost::process::child child(Launch(setup, fork_error), boost::process::ignore_error);
  if (fork_error != 0)
    throw system_error("cannot start '" + std::string(setup.program()) + "'", fork_error);
  const pid_t pid = child.id();
  child.detach();
  return pid;
}

Error launch_error(const LaunchFailure& failure, const ProcessSpec& spec,
                   const std::string& program) {
  const std::string running = "cannot run '" + spec.argv[0] + "'";
  switch (failure.step) {
  case LaunchFailure::Step::map_descriptors:
    return system_error(running + ": cannot hand it its descriptors", failure.error_number);
  case LaunchFailure::Step::enter_directory: {
    Error error = system_error("cannot enter directory '" + spec.working_directory.string() + "'",
                               failure.error_number);
    error.code = ErrorCode::unsupported;
    return error;
  }
  case LaunchFailure::Step::take_terminal:
    return system_error(running + ": cannot give it the terminal", failure.error_number);
  case LaunchFailure::Step::execute:
    break;
  }
  Error error = system_error(running, failure.error_number);
  if (failure.error_number == ENOENT || failure.error_number == ENOTDIR) {
    error.code = ErrorCode::not_found;
    if (::access((spec.working_directory / program).c_str(), F_OK) == 0)
      error.hint = "the file exists: the interpreter that its first line names may be missing";
  } else if (failure.error_number != ENOMEM && failure.error_number != EAGAIN) {
    error.code = ErrorCode::unsupported;
    if (failure.error_number == EACCES)
      error.hint = "make it executable with 'chmod +x', or run it through its interpreter";
  }
  return error;
}

std::string program_of(const ProcessSpec& spec) {
  if (spec.argv.empty() || spec.argv[0].empty())
    throw Error(ErrorCode::not_found, "cannot run a program without a name");
  const std::string& name = spec.argv[0];
  if (name.find('/') != name.npos)
    return name;
  std::optional<std::string> path;
  if (spec.environment) {
    if (const auto variable = spec.environment->find("PATH"); variable != spec.environment->end())
      path = variable->second;
  }
  if (const auto found = path ? find_program(name, *path) : find_program(name))
    return found->string();
  throw Error(ErrorCode::not_found, "cannot run '" + name + "': no such program in PATH");
}

// What the child reported before it could execute; nothing when it did.
std::optional<LaunchFailure> read_failure(int pipe) {
  LaunchFailure failure;
  ssize_t got;
  do
    got = ::read(pipe, &failure, sizeof failure);
  while (got < 0 && errno == EINTR);
  if (got != sizeof failure)
    return std::nullopt;
  return failure;
}

}  // namespace

struct Process::State {
  State(pid_t process, bool tree)
      : pid(process), whole_tree(tree),
        pidfd(static_cast<int>(::syscall(SYS_pidfd_open, process, 0))) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  ~State() { kill(); }

  void send(int number) const {
    if (!status)
      ::syscall(SYS_pidfd_send_signal, pidfd.get(), number, nullptr, 0);
  }

  void kill() {
    if (status)
      return;
    send(whole_tree ? stop_signal() : SIGKILL);
    reap();
  }

  void reap() {
    siginfo_t info = {};
    while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED) != 0) {
      if (errno != EINTR)
        break;
    }
    const bool exited = info.si_code == CLD_EXITED;
    status = exited ? ExitStatus{info.si_status, 0} : ExitStatus{0, info.si_status};
  }

  pid_t pid;
  bool whole_tree;
  FileDescriptor pidfd;
  std::optional<ExitStatus> status;
};

std::string describe(ExitStatus status) {
  if (status.signal == 0)
    return "exit code " + std::to_string(status.code);
  const char* name = sigabbrev_np(status.signal);
  return "killed by signal " + std::to_string(status.signal)
         + (name ? " (" + std::string(name) + ")" : "");
}

Process Process::spawn(const ProcessSpec& spec) {
  Pipe failures;
  const std::string program = program_of(spec);
  ChildSetup setup(spec, program, failures.writing.get());
  const pid_t pid =
      Spawner::instance().run(Spawner::Task([&setup] { return fork_and_execute(setup); }));
  auto state = std::make_unique<State>(pid, spec.whole_tree);
  failures.writing.close();
  if (const auto failure = read_failure(failures.reading.get())) {
    state->reap();
    throw launch_error(*failure, spec, program);
  }
  if (!state->pidfd)
    throw system_error("cannot watch process '" + spec.argv[0] + "'", errno);
  return Process(std::move(state));
}

Process::Process(std::unique_ptr<State> state) : m_state(std::move(state)) {}
Process::Process(Process&&) noexcept = default;
Process& Process::operator=(Process&&) noexcept = default;
Process::~Process() = default;

pid_t Process::pid() const noexcept {
  return m_state->pid;
}

int Process::descriptor() const noexcept {
  return m_state->pidfd.get();
}

void Process::signal(int number) noexcept {
  // SIGKILL cannot be handed on by a supervisor.
  m_state->send(number == SIGKILL && m_state->whole_tree ? stop_signal() : number);
}

std::optional<ExitStatus> Process::wait(Deadline deadline, const CancelToken& cancel) {
  if (!m_state->status) {
    if (wait_readable(descriptor(), deadline, cancel) != Wait::ready)
      return std::nullopt;
    m_state->reap();
  }
  return m_state->status;
}

void Process::kill() noexcept {
  m_state->kill();
}

}  // namespace nestbox
