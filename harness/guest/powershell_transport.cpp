#include "harness/guest/powershell_transport.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <thread>

#include "harness/base/error.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/base/socket_pair.hpp"
#include "harness/base/text.hpp"
#include "harness/guest/powershell_command.hpp"
#include "harness/guest/tree_archive.hpp"

namespace nestbox {
namespace {

using namespace std::chrono_literals;

constexpr auto k_connect_limit = 1min;
/// How long the machine may take to end a command that it was told to end.
constexpr auto k_kill_grace = 30s;
/// Of a command that was ended, or not begun.
constexpr int k_not_run_exit_code = 255;
constexpr std::size_t k_most_idle = 4;
constexpr std::uint32_t k_max_entries = 1'000'000;
/// Of an archive, what is not content: headers and padding of each entry.
constexpr std::uint64_t k_entry_overhead = 4096;

/// What it said, and how it ended.
struct Finished {
  CommandResult result;
  std::string diagnostics;
};

void write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno != EINTR)
      throw system_error("cannot keep what the machine sends", errno);
    bytes.remove_prefix(count < 0 ? 0 : static_cast<std::size_t>(count));
  }
}

/// Throws unless it ended well.
void check(const Finished& done, const std::string& what, const CancelToken& cancel) {
  if (done.result.cancelled)
    cancel.throw_if_cancelled();
  if (done.result.timed_out)
    throw Error(ErrorCode::timeout, what + " took too long");
  if (!done.result.status.success())
    throw Error(ErrorCode::io, what + " failed: " + printable(trim(done.diagnostics)));
}

class PowershellTransport final : public Transport {
public:
  PowershellTransport(WindowsPlace place, FileDescriptor session)
      : m_place(std::move(place)), m_session(std::move(session)) {}

  CommandResult run(const Command& command, const CommandIo& io, Deadline deadline,
                    const CancelToken& cancel) override {
    if (command.terminal)
      throw Error(ErrorCode::unsupported, "there are no terminals on Windows machines",
                  "run a command instead, without a terminal");
    return perform(run_script(m_place.lease, command), io, deadline, cancel).result;
  }

  void put(const std::filesystem::path& root, const std::vector<std::string>& files,
           const std::string& destination, Deadline deadline, const CancelToken& cancel) override {
    SocketPair pair;
    std::optional<Error> failure;
    std::thread packer([&, socket = std::move(pair.ours)]() mutable {
      const FileDescriptor out = std::move(socket);
      if (const Result<void> packed = catch_error([&] { pack_tree(root, files, out.get()); });
          !packed)
        failure = packed.error();
    });
    Result<Finished> done = catch_error([&] {
      return perform(unpack_script(m_place.lease, destination), {.input = pair.theirs.get()},
                     deadline, cancel);
    });
    pair.theirs.close();  // whoever still packs finds nobody listening
    packer.join();
    // What could not be read here is the cause of what went wrong there.
    if (failure && (failure->code != ErrorCode::lost || !done))
      throw failure->code == ErrorCode::lost ? done.error() : *failure;
    check(value_or_throw(std::move(done)), "unpacking files in the machine", cancel);
  }

  void get(const std::string& source, const std::filesystem::path& destination, Bytes limit,
           Deadline deadline, const CancelToken& cancel) override {
    const TemporaryDirectory staging("nestbox-get");
    const fs::path file = staging.path() / "tree.tar";
    const FileDescriptor archive(::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!archive)
      throw system_error("cannot make '" + file.string() + "'", errno);
    const std::uint64_t most = limit.count + k_max_entries * k_entry_overhead;
    std::uint64_t size = 0;
    const CommandIo io = {.output = [&](OutputStream stream, std::string_view bytes) {
      if (stream != OutputStream::standard_output)
        return;
      size += bytes.size();
      if (size > most)
        throw Error(ErrorCode::corrupt, "'" + printable(source) + "' is too large");
      write_all(archive.get(), bytes);
    }};
    check(perform(pack_script(m_place.lease, source), io, deadline, cancel),
          "packing '" + printable(source) + "' in the machine", cancel);
    if (size > 0)
      unpack_tree(file, windows_name(source), destination,
                  {.bytes = limit.count, .entries = k_max_entries}, cancel);
  }

  /// It booted by itself, as the machine that it is.
  void thaw(const Identity&, Deadline) override {}
  void quiesce(Deadline) override {}

  void ping(Deadline deadline, const CancelToken& cancel) override {
    const Finished done = perform("exit 0", {}, deadline, cancel);
    if (done.result.cancelled)
      cancel.throw_if_cancelled();
    if (!done.result.status.success())
      throw Error(ErrorCode::lost, "the machine does not answer: " + printable(done.diagnostics));
  }

  void on_call(std::function<void(FileDescriptor)>) override {}

private:
  Finished perform(const std::string& script, const CommandIo& io, Deadline deadline,
                   const CancelToken& cancel) {
    Finished done;
    const auto say_why = [&] {
      (cancel.cancelled() ? done.result.cancelled : done.result.timed_out) = true;
    };
    std::unique_ptr<SshSession> session = connect(deadline, cancel);
    if (!session) {
      say_why();
      done.result.status.code = k_not_run_exit_code;
      return done;
    }
    std::optional<SshCommand::End> end;
    {
      PowershellCommand command(*session, m_place.shell, script, Deadline::after(k_connect_limit),
                                {});
      end = command.stream(io, deadline, cancel);
      if (!end) {
        say_why();
        end = end_command(command, io);
      }
    }
    if (!end->code && !done.result.timed_out && !done.result.cancelled)
      throw Error(ErrorCode::lost, "the connection to the machine broke while a command ran");
    if (end->code == k_no_script_exit_code && end->diagnostics.starts_with("the script"))
      throw Error(ErrorCode::infrastructure, "the machine's shell keeps stdin from PowerShell");
    done.result.status.code = end->code.value_or(k_not_run_exit_code);
    done.diagnostics = std::move(end->diagnostics);
    give_back(std::move(session));
    return done;
  }

  /// By another connection: its own waits for it.
  SshCommand::End end_command(PowershellCommand& command, const CommandIo& io) {
    const Deadline grace = Deadline::after(k_kill_grace);
    const std::optional<unsigned> process = command.await_process(io, grace);
    if (process) {
      std::unique_ptr<SshSession> session = connect(Deadline::never(), {});
      session->run(end_tree_command_line(*process), {}, grace, {});
      give_back(std::move(session));
    }
    if (std::optional<SshCommand::End> end = command.stream(io, grace, {}))
      return std::move(*end);
    throw Error(ErrorCode::lost, "the machine did not end a command that it was told to end");
  }

  /// Null at the deadline and when cancelled.
  std::unique_ptr<SshSession> connect(Deadline deadline, const CancelToken& cancel) {
    if (cancel.cancelled() || deadline.passed())
      return nullptr;
    {
      const std::lock_guard lock(m_mutex);
      if (!m_idle.empty()) {
        std::unique_ptr<SshSession> session = std::move(m_idle.back());
        m_idle.pop_back();
        return session;
      }
    }
    try {
      return std::make_unique<SshSession>(
          m_place.endpoint, earlier(deadline, Deadline::after(k_connect_limit)), cancel);
    } catch (const Error& error) {
      if (cancel.cancelled() || deadline.passed())
        return nullptr;
      throw Error(ErrorCode::lost, error.message, error.hint);
    }
  }

  /// Only of a command that has ended.
  void give_back(std::unique_ptr<SshSession> session) {
    const std::lock_guard lock(m_mutex);
    if (m_idle.size() < k_most_idle)
      m_idle.push_back(std::move(session));
  }

  const WindowsPlace m_place;
  const FileDescriptor m_session;
  std::mutex m_mutex;
  std::vector<std::unique_ptr<SshSession>> m_idle;  ///< guarded by m_mutex
};

}  // namespace

std::unique_ptr<Transport> make_powershell_transport(WindowsPlace place, FileDescriptor session) {
  return std::make_unique<PowershellTransport>(std::move(place), std::move(session));
}

}  // namespace nestbox
