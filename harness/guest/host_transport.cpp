#include "harness/guest/host_transport.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "harness/base/error.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/pipe.hpp"
#include "harness/base/text.hpp"
#include "harness/base/variables.hpp"
#include "harness/base/watch.hpp"
#include "harness/guest/call_listener.hpp"
#include "harness/guest/tree_reader.hpp"
#include "harness/guest/tree_writer.hpp"
#include "harness/guest/verb_protocol.hpp"

namespace nestbox {

namespace {

using namespace std::chrono_literals;

// What an ended tree left in its pipes is there at once; only a process that could not be killed
// holds them open.
constexpr std::chrono::seconds k_drain_grace = 1s;

class Terminal {
public:
  explicit Terminal(TerminalSize size)
      : m_master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)) {
    std::array<char, 128> name;
    if (!m_master || ::grantpt(m_master.get()) != 0 || ::unlockpt(m_master.get()) != 0
        || ::ptsname_r(m_master.get(), name.data(), name.size()) != 0)
      throw system_error("cannot make a terminal", errno);
    m_slave = FileDescriptor(::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!m_slave)
      throw system_error("cannot open terminal '" + std::string(name.data()) + "'", errno);
    resize(size);
  }

  int master() const { return m_master.get(); }
  int slave() const { return m_slave.get(); }
  void close_slave() { m_slave.close(); }
  void resize(TerminalSize size) const {
    const winsize window = {size.rows, size.columns, 0, 0};
    ::ioctl(m_master.get(), TIOCSWINSZ, &window);
  }

private:
  FileDescriptor m_master;
  FileDescriptor m_slave;
};

// Types what comes from `input` into a terminal, on a thread of its own: a program that does not
// read must hold up neither its output nor its deadline.
class Typist {
public:
  Typist(int input, int terminal)
      : m_thread([input, terminal, stop = m_stop.token()] { type(input, terminal, stop); }) {}
  ~Typist() {
    m_stop.cancel();
    m_thread.join();
  }

private:
  static void type(int input, int terminal, const CancelToken& stop) {
    constexpr std::string_view k_end_of_file = "\x04";
    std::array<char, 4096> buffer;
    bool line_begun = false;
    while (wait_readable(input, Deadline::never(), stop) == Wait::ready) {
      const ssize_t got = ::read(input, buffer.data(), buffer.size());
      if (got < 0 && (errno == EINTR || errno == EAGAIN))
        continue;
      if (got <= 0) {
        // Within a line the first one only hands on what there is of it.
        if (line_begun)
          write_all(terminal, k_end_of_file, stop);
        write_all(terminal, k_end_of_file, stop);
        return;
      }
      const std::string_view piece(buffer.data(), static_cast<std::size_t>(got));
      line_begun = piece.back() != '\n';
      write_all(terminal, piece, stop);
    }
  }

  static void write_all(int terminal, std::string_view bytes, const CancelToken& stop) {
    while (!bytes.empty() && wait_writable(terminal, Deadline::never(), stop) == Wait::ready) {
      const ssize_t written = ::write(terminal, bytes.data(), bytes.size());
      if (written < 0 && errno != EINTR && errno != EAGAIN)
        return;
      bytes.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
    }
  }

  CancelSource m_stop;
  std::thread m_thread;
};

// sudo starts with an environment of its own: ours is set behind it. What everybody on this host
// could read there goes through sudo instead, which must be allowed to pass it (SETENV).
std::vector<std::string> through_sudo(const Command& command) {
  std::vector<std::string> set;
  std::vector<std::string> passed;
  for (const auto& [name, value] : command.environment)
    if (names_secret(name))
      passed.push_back(name);
    else
      set.push_back(name + "=" + value);
  std::vector<std::string> argv = {"sudo", "-n"};
  if (!passed.empty())
    argv.push_back("--preserve-env=" + join(passed, ","));
  argv.insert(argv.end(), {"--", "env"});
  argv.insert(argv.end(), set.begin(), set.end());
  // Not by env itself, which would take a program with '=' in its name for a variable.
  argv.insert(argv.end(), {"/bin/sh", "-c", "exec \"$@\"", "sh"});
  argv.insert(argv.end(), command.argv.begin(), command.argv.end());
  return argv;
}

ProcessSpec process_spec(const Command& command, bool use_sudo) {
  ProcessSpec spec{.argv = use_sudo ? through_sudo(command) : command.argv};
  spec.working_directory = command.working_directory.empty() ? "/" : command.working_directory;
  // sudo itself is ours, and so is the environment that it is found by.
  spec.environment = own_variables();
  for (const auto& [name, value] : command.environment)
    if (!use_sudo || names_secret(name))
      (*spec.environment)[name] = value;
  spec.whole_tree = true;
  spec.end_with_sudo = use_sudo;
  return spec;
}

// Serves the process until it has ended by itself or was ended, and all its output has been handed
// on.
CommandResult finish(Process& process, std::vector<Watch> outputs, const Watch& resize,
                     Deadline deadline, const CancelToken& cancel) {
  std::vector<Watch> watches = outputs;
  if (resize.descriptor >= 0)
    watches.push_back(resize);
  const Wait wait = watch_until_end(process, watches, deadline, cancel);
  if (wait != Wait::ready)
    process.kill();
  const CommandResult result = {.status = process.wait(Deadline::never()).value(),
                                .timed_out = wait == Wait::timed_out,
                                .cancelled = wait == Wait::cancelled};
  std::erase_if(watches, [&](const Watch& watch) { return watch.descriptor == resize.descriptor; });
  watch_until_done(watches, Deadline::after(k_drain_grace));
  return result;
}

FileDescriptor open_directory(const fs::path& path) {
  FileDescriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory)
    throw system_error("cannot open directory '" + path.string() + "'", errno);
  return directory;
}

FileDescriptor make_directory(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error)
    throw system_error("cannot make directory '" + path.string() + "'", error.value());
  return open_directory(path);
}

TreeSource one_path(std::string path) {
  return [path = std::move(path)](std::string& next) mutable {
    next = std::exchange(path, {});
    return !next.empty();
  };
}

void copy_tree(TreeReader reader, TreeWriter writer, Deadline deadline, const CancelToken& cancel) {
  std::string piece(256 * 1024, '\0');
  while (!writer.finished()) {
    cancel.throw_if_cancelled();
    if (deadline.passed())
      throw Error(ErrorCode::timeout, "copying files took too long");
    const std::size_t size = reader.read(piece.data(), piece.size());
    if (!reader.error().empty())
      throw Error(ErrorCode::io, reader.error());
    if (!writer.write({piece.data(), size}))
      throw Error(writer.refused() ? ErrorCode::corrupt : ErrorCode::io, writer.error());
  }
}

class HostTransport final : public Transport {
public:
  explicit HostTransport(bool use_sudo) : m_use_sudo(use_sudo && ::geteuid() != 0) {}

  CommandResult run(const Command& given, const CommandIo& io, Deadline deadline,
                    const CancelToken& cancel) override {
    const Command command = with_call_socket(given);
    try {
      return command.terminal ? run_on_terminal(command, io, deadline, cancel)
                              : run_on_pipes(command, io, deadline, cancel);
    } catch (const Error& error) {
      // Outcomes of the command, said the way a shell says them.
      if (error.code != ErrorCode::not_found && error.code != ErrorCode::unsupported)
        throw;
      if (io.output)
        io.output(command.terminal ? OutputStream::standard_output : OutputStream::standard_error,
                  "nestbox: " + error.message + "\n");
      return {.status = {.code = error.code == ErrorCode::not_found ? 127 : 126}};
    }
  }

  void put(const fs::path& root, const std::vector<std::string>& files,
           const std::string& destination, Deadline deadline, const CancelToken& cancel) override {
    auto next = [&files, i = std::size_t{0}](std::string& path) mutable {
      if (i == files.size())
        return false;
      path = files[i++];
      return true;
    };
    copy_tree(TreeReader(open_directory(root), std::move(next), TreeReader::Odd::fail),
              TreeWriter(make_directory(destination), TreeModes::owned, TreeLimits{}), deadline,
              cancel);
  }

  void get(const std::string& source, const fs::path& destination, Bytes limit, Deadline deadline,
           const CancelToken& cancel) override {
    const TreeLimits limits = {.bytes = limit.count, .entries = 1'000'000};
    std::error_code error;
    const fs::file_status status = fs::status(source, error);
    if (!fs::exists(status))
      return;
    const bool whole_directory = fs::is_directory(status);
    const fs::path root = whole_directory ? fs::path(source) : fs::path(source).parent_path();
    TreeSource paths = one_path(fs::path(source).filename());
    if (whole_directory) {
      auto walk = std::make_shared<TreeWalk>(open_directory(root));
      paths = [walk](std::string& path) { return walk->next(path); };
    }
    copy_tree(TreeReader(open_directory(root), std::move(paths), TreeReader::Odd::skip),
              TreeWriter(make_directory(destination), TreeModes::owned, limits), deadline, cancel);
  }

  void thaw(const Identity&, Deadline) override {}
  void quiesce(Deadline) override {}
  void ping(Deadline, const CancelToken&) override {}

  void on_call(std::function<void(FileDescriptor)> handler) override {
    const std::lock_guard lock(m_mutex);
    if (!m_calls && handler)
      m_calls.emplace();
    if (m_calls)
      m_calls->set_handler(std::move(handler));
  }

private:
  static Watch watch(int descriptor, OutputStream stream, const CommandIo& io) {
    return watch_output(descriptor, [&io, stream](std::string_view piece) {
      if (io.output)
        io.output(stream, piece);
    });
  }

  CommandResult run_on_pipes(const Command& command, const CommandIo& io, Deadline deadline,
                             const CancelToken& cancel) const {
    Pipe output, diagnostics;
    ProcessSpec spec = process_spec(command, m_use_sudo);
    spec.descriptors = {{1, output.writing.get()}, {2, diagnostics.writing.get()}};
    if (io.input >= 0)
      spec.descriptors[0] = io.input;
    Process process = Process::spawn(spec);
    output.writing.close();
    diagnostics.writing.close();
    return finish(process,
                  {watch(output.reading.get(), OutputStream::standard_output, io),
                   watch(diagnostics.reading.get(), OutputStream::standard_error, io)},
                  Watch{-1, nullptr}, deadline, cancel);
  }

  CommandResult run_on_terminal(const Command& command, const CommandIo& io, Deadline deadline,
                                const CancelToken& cancel) const {
    Terminal terminal(*command.terminal);
    ProcessSpec spec = process_spec(command, m_use_sudo);
    spec.descriptors = {{0, terminal.slave()}, {1, terminal.slave()}, {2, terminal.slave()}};
    spec.controlling_terminal = true;
    Process process = Process::spawn(spec);
    terminal.close_slave();
    std::optional<Typist> typist;
    if (io.input >= 0)
      typist.emplace(io.input, terminal.master());
    const Watch resize = {io.resize_event, [&] {
                            if (const auto size = io.resized ? io.resized() : std::nullopt)
                              terminal.resize(*size);
                            return true;
                          }};
    return finish(process, {watch(terminal.master(), OutputStream::standard_output, io)}, resize,
                  deadline, cancel);
  }

  Command with_call_socket(Command command) {
    const std::lock_guard lock(m_mutex);
    if (m_calls)
      command.environment.emplace(k_host_socket_variable, m_calls->path());
    return command;
  }

  bool m_use_sudo;
  std::mutex m_mutex;
  std::optional<CallListener> m_calls;
};

}  // namespace

std::unique_ptr<Transport> make_host_transport(bool use_sudo) {
  return std::make_unique<HostTransport>(use_sudo);
}

}  // namespace nestbox
