#include "harness/guest/agent_transport.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <system_error>
#include <thread>

#include "harness/base/error.hpp"
#include "harness/guest/agent_link.hpp"
#include "harness/guest/tree_reader.hpp"
#include "harness/guest/tree_writer.hpp"

namespace nestbox {

namespace {

/// How long an agent may take to end a command it was told to kill, however slow its machine.
constexpr std::chrono::seconds k_kill_grace{30};
/// How often a machine hears of us while a command is silent. An emulated processor that runs
/// guests of its own can lose its timer's interrupt (seen with QEMU 7.2), and with it all that
/// waits for time to pass: it sleeps until something comes from outside.
constexpr std::chrono::seconds k_heartbeat{1};
constexpr std::uint32_t k_max_entries = 1'000'000;

/// For a message that is not what was waited for: the error it bears, or that it has no place here.
Error refusal(const AgentStream::Message& message) {
  if (message.type != FrameType::error)
    return Error(ErrorCode::corrupt, "the machine's agent sent a frame of type "
                                         + std::to_string(static_cast<int>(message.type))
                                         + " where it has no meaning");
  const auto error = decode_error(message.payload);
  if (!error)
    return Error(ErrorCode::corrupt, "the machine's agent sent an unsound error");
  return Error(error->kind == ErrorMessage::Kind::invalid ? ErrorCode::corrupt : ErrorCode::io,
               error->text);
}

/// For requests with one answer: no answer in time means that the machine is lost.
AgentStream::Message answer_of(AgentStream& stream, FrameType expected, Deadline deadline,
                               const CancelToken& cancel = {}) {
  AgentStream::Message message;
  try {
    message = stream.receive(deadline, cancel);
  } catch (const Error& error) {
    if (error.code != ErrorCode::timeout)
      throw;
    throw Error(ErrorCode::lost, error.message);
  }
  if (message.type != expected)
    throw refusal(message);
  return message;
}

/// Credit as the agent gives it, never more than the window.
void add_credit(std::uint32_t& credit, const AgentStream::Message& message) {
  credit += std::min(decode_credit(message.payload).value_or(0), k_input_window - credit);
}

RunMessage run_message(const Command& command, const CommandIo& io) {
  if (command.argv.empty())
    throw Error(ErrorCode::usage, "a command needs at least its program's name");
  RunMessage message;
  message.argv = command.argv;
  for (const auto& [name, value] : command.environment)
    message.environment.push_back(name + '=' + value);
  message.working_directory = command.working_directory;
  message.input = io.input >= 0;
  message.leaves_running = command.leaves_running;
  if (command.terminal)
    message.terminal = RunMessage::Terminal{command.terminal->rows, command.terminal->columns};
  return message;
}

ThawMessage thaw_message(const Identity& identity) {
  ThawMessage message{.hostname = identity.hostname,
                      .machine_id = identity.machine_id,
                      .entropy = identity.entropy,
                      .realtime = identity.realtime.count(),
                      .interfaces = {},
                      .hosts = identity.hosts};
  for (const InterfaceIdentity& interface : identity.interfaces) {
    auto& routes =
        message.interfaces
            .emplace_back(ThawMessage::Interface{.mac = interface.mac,
                                                 .addresses = interface.addresses,
                                                 .mtu = static_cast<std::uint32_t>(interface.mtu),
                                                 .routes = {}})
            .routes;
    for (const Route& route : interface.routes)
      routes.push_back({route.destination, route.gateway});
  }
  return message;
}

/// One command from its start to its end.
class RemoteCommand {
public:
  RemoteCommand(AgentLink& link, const Command& command, const CommandIo& io, Deadline deadline,
                const CancelToken& cancel)
      : m_stream(link), m_io(io), m_deadline(deadline), m_cancel(cancel), m_input(io.input),
        m_resize_event(command.terminal && io.resized ? io.resize_event : -1) {
    const std::string message = encode(run_message(command, io));
    if (message.size() > k_max_message)
      throw Error(ErrorCode::usage,
                  "the command '" + command.argv[0] + "' and its environment exceed 2 MiB");
    m_stream.send(FrameType::run, message);
  }

  ~RemoteCommand() {
    m_over.cancel();
    if (m_guard.joinable())
      m_guard.join();
  }

  CommandResult run() {
    Deadline grace = Deadline::never();
    while (!m_ended) {
      const bool killed = m_killed != Wait::ready;
      if (killed && grace.is_never())
        grace = Deadline::after(k_kill_grace);
      pollfd polled[] = {{m_stream.event(), POLLIN, 0},
                         {m_credit > 0 ? m_input : -1, POLLIN, 0},
                         {m_resize_event, POLLIN, 0},
                         {killed ? -1 : m_cancel.descriptor(), POLLIN, 0}};
      const Deadline end = killed ? grace : m_deadline;
      const int ready = poll(polled, std::size(polled),
                             earlier(end, Deadline::after(k_heartbeat)).poll_timeout());
      if (ready < 0 && errno != EINTR)
        throw system_error("cannot wait for a command", errno);
      if (ready == 0)
        m_stream.send(FrameType::credit, encode_credit(0));
      if (ready > 0 && polled[0].revents)
        handle_messages();
      if (m_ended)
        break;
      if (ready > 0 && polled[1].revents)
        forward_input();
      if (ready > 0 && polled[2].revents)
        forward_size();
      if (m_cancel.cancelled())
        kill(Wait::cancelled);
      else if (m_deadline.passed())
        kill(Wait::timed_out);
      if (killed && grace.passed())
        throw Error(ErrorCode::lost,
                    "the machine's agent did not end a command that it was told to end");
    }
    m_result.timed_out = m_killed == Wait::timed_out;
    m_result.cancelled = m_killed == Wait::cancelled;
    return m_result;
  }

private:
  /// At the deadline, or when cancelled; any thread.
  void kill(Wait why) {
    const std::lock_guard lock(m_kill_mutex);
    if (m_killed == Wait::ready && m_stream.end())
      m_killed = why;
  }

  /// Hands output on. That may block: another thread sees to the deadline from the first time on.
  void hand_on(OutputStream stream, std::string_view bytes) {
    if (!m_io.output)
      return;
    if (!m_guard.joinable())
      m_guard = std::thread([this] {
        const Wait wait = wait_readable(m_over.token().descriptor(), m_deadline, m_cancel);
        if (wait != Wait::ready)
          kill(wait);
      });
    m_io.output(stream, bytes);
  }

  void handle_messages() {
    while (!m_ended) {
      const auto message = m_stream.take();
      if (!message)
        return;
      if (message->type == FrameType::output || message->type == FrameType::error_output) {
        hand_on(message->type == FrameType::output ? OutputStream::standard_output
                                                   : OutputStream::standard_error,
                message->payload);
        m_stream.consumed(message->payload.size());
      } else if (message->type == FrameType::credit) {
        add_credit(m_credit, *message);
      } else if (message->type == FrameType::exit) {
        end(message->payload);
      } else {
        throw refusal(*message);
      }
    }
  }

  void end(std::string_view payload) {
    const auto message = decode_exit(payload);
    if (!message)
      throw Error(ErrorCode::corrupt, "the machine's agent sent an unsound exit");
    m_result.status = {.code = message->code, .signal = message->signal};
    m_result.oom_kills = static_cast<int>(message->oom_kills);
    m_ended = true;
  }

  void forward_input() {
    char buffer[32 * 1024];
    const ssize_t count = read(m_input, buffer, std::min<std::size_t>(sizeof buffer, m_credit));
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
      return;
    if (count <= 0) {
      m_input = -1;
      m_stream.send(FrameType::end);
      return;
    }
    m_credit -= static_cast<std::uint32_t>(count);
    m_stream.send(FrameType::input, {buffer, static_cast<std::size_t>(count)});
  }

  void forward_size() {
    if (const auto size = m_io.resized())
      m_stream.send(FrameType::resize, encode_resize({size->rows, size->columns}));
  }

  AgentStream m_stream;
  const CommandIo& m_io;
  const Deadline m_deadline;
  const CancelToken m_cancel;
  int m_input;
  int m_resize_event;
  std::uint32_t m_credit = k_input_window;
  CommandResult m_result;
  bool m_ended = false;
  std::mutex m_kill_mutex;
  std::atomic<Wait> m_killed = Wait::ready;  ///< why it was told to end; ready: it was not
  CancelSource m_over;
  std::thread m_guard;
};

FileDescriptor open_directory(const std::filesystem::path& path) {
  FileDescriptor directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory)
    throw system_error("cannot open '" + path.string() + "'", errno);
  return directory;
}

class AgentTransport : public Transport {
public:
  explicit AgentTransport(FileDescriptor socket) : m_link(std::move(socket)) {}

  CommandResult run(const Command& command, const CommandIo& io, Deadline deadline,
                    const CancelToken& cancel) override {
    return RemoteCommand(m_link, command, io, deadline, cancel).run();
  }

  void put(const std::filesystem::path& root, const std::vector<std::string>& files,
           const std::string& destination, Deadline deadline, const CancelToken& cancel) override {
    TreeSource source = [next = files.begin(), end = files.end()](std::string& path) mutable {
      if (next == end)
        return false;
      path = *next++;
      return true;
    };
    TreeReader reader(open_directory(root), std::move(source), TreeReader::Odd::fail);
    AgentStream stream(m_link);
    stream.send(FrameType::put, destination);
    std::uint32_t credit = k_input_window;
    std::vector<char> piece(k_max_payload);
    while (const std::size_t size = reader.read(piece.data(), piece.size())) {
      while (credit < size) {
        const AgentStream::Message message = stream.receive(deadline, cancel);
        if (message.type != FrameType::credit)
          throw refusal(message);
        add_credit(credit, message);
      }
      credit -= static_cast<std::uint32_t>(size);
      stream.send(FrameType::tree, {piece.data(), size});
    }
    if (!reader.error().empty())
      throw Error(ErrorCode::io, reader.error());
    stream.send(FrameType::end);
    while (true) {
      const AgentStream::Message message = stream.receive(deadline, cancel);
      if (message.type == FrameType::done)
        return;
      if (message.type != FrameType::credit)
        throw refusal(message);
    }
  }

  void get(const std::string& source, const std::filesystem::path& destination, Bytes limit,
           Deadline deadline, const CancelToken& cancel) override {
    AgentStream stream(m_link);
    std::optional<TreeWriter> writer;
    stream.send(FrameType::get, source);
    while (true) {
      const AgentStream::Message message = stream.receive(deadline, cancel);
      if (message.type == FrameType::done)
        break;
      if (message.type != FrameType::tree)
        throw refusal(message);
      if (!writer) {
        std::error_code failure;
        std::filesystem::create_directories(destination, failure);
        if (failure)
          throw system_error("cannot make '" + destination.string() + "'", failure.value());
        writer.emplace(open_directory(destination), TreeModes::owned,
                       TreeLimits{.bytes = limit.count, .entries = k_max_entries});
      }
      if (!writer->write(message.payload))
        throw Error(writer->refused() ? ErrorCode::corrupt : ErrorCode::io, writer->error())
            .during("copying '" + source + "' from the machine");
      stream.consumed(message.payload.size());
    }
    if (writer && !writer->finished())
      throw Error(ErrorCode::corrupt, "'" + source + "' came from the machine only in part");
  }

  void thaw(const Identity& identity, Deadline deadline) override {
    const std::string message = encode(thaw_message(identity));
    if (message.size() > k_max_payload)
      throw Error(ErrorCode::usage,
                  "the interfaces and hosts of machine '" + identity.hostname + "' exceed 64 KiB");
    AgentStream stream(m_link);
    stream.send(FrameType::thaw, message);
    answer_of(stream, FrameType::done, deadline);
  }

  void quiesce(Deadline deadline) override {
    AgentStream stream(m_link);
    stream.send(FrameType::quiesce);
    answer_of(stream, FrameType::done, deadline);
    m_link.session_ended();
  }

  void ping(Deadline deadline, const CancelToken& cancel) override {
    Nonce nonce;
    if (getrandom(nonce.data(), nonce.size(), 0) != static_cast<ssize_t>(nonce.size()))
      throw system_error("cannot get random bytes", errno);
    const std::string_view bytes(nonce.data(), nonce.size());
    AgentStream stream(m_link);
    stream.send(FrameType::ping, bytes);
    if (answer_of(stream, FrameType::pong, deadline, cancel).payload != bytes)
      throw Error(ErrorCode::corrupt, "the machine's agent answered another ping than ours");
  }

  void on_call(std::function<void(FileDescriptor)> handler) override {
    m_link.on_call(std::move(handler));
  }

private:
  AgentLink m_link;
};

}  // namespace

std::unique_ptr<Transport> make_agent_transport(FileDescriptor socket) {
  return std::make_unique<AgentTransport>(std::move(socket));
}

}  // namespace nestbox
