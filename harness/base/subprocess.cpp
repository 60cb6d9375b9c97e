#include "harness/base/subprocess.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

#include <boost/process/child.hpp>
#include <boost/process/error.hpp>
#include <boost/process/extend.hpp>

#include "harness/base/child_setup.hpp"
#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "harness/base/tree_supervisor.hpp"
#include "harness/base/watch.hpp"

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

std::optional<std::filesystem::path> search(const std::string& name, const std::string& path) {
  for (const std::string& directory : split(path + ":/usr/local/sbin:/usr/sbin:/sbin", ':')) {
    // An empty part means the working directory: whatever lies there is not to be run by its bare
    // name.
    const std::filesystem::path candidate = std::filesystem::path(directory) / name;
    std::error_code error;
    if (!directory.empty() && std::filesystem::is_regular_file(candidate, error)
        && ::access(candidate.c_str(), X_OK) == 0)
      return candidate;
  }
  return std::nullopt;
}

std::string our_path() {
  const char* path = std::getenv("PATH");
  return path ? path : "/usr/local/bin:/usr/bin:/bin";
}

std::string program_of(const ProcessSpec& spec) {
  if (spec.argv.empty() || spec.argv[0].empty())
    throw Error(ErrorCode::not_found, "cannot run a program without a name");
  const std::string& name = spec.argv[0];
  if (name.find('/') != name.npos)
    return name;
  std::string path = our_path();
  if (spec.environment) {
    if (const auto variable = spec.environment->find("PATH"); variable != spec.environment->end())
      path = variable->second;
  }
  if (const auto found = search(name, path))
    return found->string();
  throw Error(ErrorCode::not_found, "cannot run '" + name + "': no such program in PATH");
}

void make_pipe(FileDescriptor& reading, FileDescriptor& writing) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw system_error("cannot make a pipe", errno);
  reading = FileDescriptor(ends[0]);
  writing = FileDescriptor(ends[1]);
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
  FileDescriptor reading, writing;
  make_pipe(reading, writing);
  const std::string program = program_of(spec);
  ChildSetup setup(spec, program, writing.get());
  const pid_t pid =
      Spawner::instance().run(Spawner::Task([&setup] { return fork_and_execute(setup); }));
  auto state = std::make_unique<State>(pid, spec.whole_tree);
  writing.close();
  if (const auto failure = read_failure(reading.get())) {
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

Captured run_captured(ProcessSpec spec, Deadline deadline, const CancelToken& cancel, Bytes limit) {
  // Writers that outlive their parent would hold the pipes open, and outlive us too.
  spec.whole_tree = true;
  FileDescriptor output, output_end, diagnostics, diagnostics_end;
  make_pipe(output, output_end);
  make_pipe(diagnostics, diagnostics_end);
  spec.descriptors[STDOUT_FILENO] = output_end.get();
  spec.descriptors[STDERR_FILENO] = diagnostics_end.get();
  Process process = Process::spawn(spec);
  output_end.close();
  diagnostics_end.close();

  Captured captured;
  const auto keep_in = [limit](std::string& text) {
    return [&text, limit](std::string_view piece) {
      text += piece.substr(0, std::min<std::uint64_t>(piece.size(), limit.count - text.size()));
    };
  };
  std::vector<Watch> watches = {watch_output(output.get(), keep_in(captured.output)),
                                watch_output(diagnostics.get(), keep_in(captured.diagnostics))};
  switch (watch_until_end(process, watches, deadline, cancel)) {
  case Wait::timed_out:
    throw Error(ErrorCode::timeout, "'" + spec.argv[0] + "' took too long and was ended");
  case Wait::cancelled:
    throw Error(ErrorCode::cancelled, "'" + spec.argv[0] + "' was cancelled");
  case Wait::ready:
    break;
  }
  captured.status = *process.wait(Deadline::never());
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

std::optional<std::filesystem::path> find_program(const std::string& name) {
  return search(name, our_path());
}

}  // namespace nestbox
