#include "harness/guest/ssh_command.hpp"

#include <libssh/callbacks.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "harness/base/error.hpp"
#include "harness/guest/ssh_session_state.hpp"

namespace nestbox {
namespace {

using Channel =
    std::unique_ptr<ssh_channel_struct, decltype([](ssh_channel c) { ssh_channel_free(c); })>;

constexpr std::size_t k_most_diagnostics = 4096;
constexpr std::size_t k_most_kept = std::size_t{1} << 20;
constexpr std::size_t k_piece = 64 * 1024;
/// How long the streams of a command that has ended may stay open.
constexpr std::chrono::seconds k_drain_grace{1};

}  // namespace

struct SshCommand::State {
  State(SshSession::State& its_session, const std::string& command_line, Deadline deadline,
        const CancelToken& cancel)
      : session(its_session), channel(ssh_channel_new(session.handle.get())) {
    const auto open = [&] { return ssh_channel_open_session(channel.get()); };
    const auto start = [&] {
      return ssh_channel_request_exec(channel.get(), command_line.c_str());
    };
    if (session.complete(open, deadline, cancel) != SSH_OK
        || session.complete(start, deadline, cancel) != SSH_OK)
      throw Error(ErrorCode::lost, session.what + " does not start a command: " + session.reason());
    listen();
  }

  /// Any call of libssh may take in what came for other parts of the channel than it is about.
  void listen() {
    callbacks.size = sizeof callbacks;
    callbacks.userdata = this;
    callbacks.channel_data_function = [](ssh_session, ssh_channel, void*, std::uint32_t, int,
                                         void* self) {
      note_news(self);
      return 0;  // it stays where read() finds it
    };
    callbacks.channel_write_wontblock_function = [](ssh_session, ssh_channel, std::uint32_t,
                                                    void* self) {
      note_news(self);
      return 0;
    };
    callbacks.channel_exit_status_function = [](ssh_session, ssh_channel, int, void* self) {
      note_news(self);
    };
    callbacks.channel_eof_function = [](ssh_session, ssh_channel, void* self) { note_news(self); };
    callbacks.channel_close_function = [](ssh_session, ssh_channel, void* self) {
      note_news(self);
    };
    ssh_set_channel_callbacks(channel.get(), &callbacks);
  }
  static void note_news(void* self) { static_cast<State*>(self)->news = true; }

  /// Begins a round of looking at everything.
  void begin_round() {
    news = held_back = false;
    was_gone = gone();
  }

  /// Whether this round has missed nothing, so that the socket may be waited for. What came after
  /// its part of the round has left the socket, which will not tell of it again: this must ask
  /// nothing that takes in more.
  bool may_wait() const {
    return !news && !(held_back && !session.blocked()) && gone() == was_gone;
  }

  /// At most as much as fits without waiting.
  std::size_t write(std::string_view bytes) {
    held_back = !bytes.empty() && session.blocked();
    if (bytes.empty() || held_back)
      return 0;
    const int count = ssh_channel_write(
        channel.get(), bytes.data(), static_cast<std::uint32_t>(std::min(bytes.size(), k_piece)));
    if (count < 0)
      deaf = true;
    return count < 0 ? bytes.size() : static_cast<std::size_t>(count);
  }

  /// Of what is unsent, as much as goes without waiting.
  std::size_t send() {
    const std::size_t sent = deaf ? unsent.size() : write(unsent);
    unsent.erase(0, sent);
    return sent;
  }

  void end_input() {
    if (!input_ended)
      ssh_channel_send_eof(channel.get());
    input_ended = true;
  }

  /// What there is to be read of `descriptor` now becomes unsent; its end that of the input.
  void take_input(int descriptor) {
    const ssize_t count = ::read(descriptor, piece.data(), k_piece);
    if (count > 0)
      unsent.assign(piece.data(), static_cast<std::size_t>(count));
    else if (count == 0 || (errno != EAGAIN && errno != EINTR))
      end_input();
  }

  /// What there is now, at most a piece.
  std::string read(bool of_stderr) {
    const int count =
        ssh_channel_read_nonblocking(channel.get(), piece.data(), k_piece, of_stderr ? 1 : 0);
    if (count == SSH_ERROR)
      broken = true;
    return std::string(piece.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
  }

  bool gone() const {
    return broken || ssh_is_connected(session.handle.get()) == 0
           || ssh_channel_is_closed(channel.get()) != 0;
  }

  /// Nothing more will come, though some may be there to be read. After the end of its output only
  /// who asks for its status learns of it.
  bool over() const { return gone() || (ssh_channel_is_eof(channel.get()) != 0 && code()); }

  std::optional<int> code() const {
    const int status = ssh_channel_get_exit_status(channel.get());
    return status >= 0 ? std::optional(status) : std::nullopt;
  }

  void keep_diagnostics(const std::string& bytes) {
    diagnostics += bytes;
    if (diagnostics.size() > k_most_diagnostics)
      diagnostics.erase(0, diagnostics.size() - k_most_diagnostics);
  }

  SshSession::State& session;
  ssh_channel_callbacks_struct callbacks{};
  Channel channel;
  bool news = false;
  bool held_back = false;
  bool was_gone = false;
  std::vector<char> piece = std::vector<char>(k_piece);
  std::string unread;  ///< of its stdout
  std::string unsent;  ///< for its stdin
  std::string diagnostics;
  bool input_ended = false;
  bool deaf = false;
  bool broken = false;
};

SshCommand::SshCommand(SshSession& session, const std::string& command_line, Deadline deadline,
                       const CancelToken& cancel)
    : m_state(std::make_unique<State>(*session.m_state, command_line, deadline, cancel)) {}
SshCommand::SshCommand(SshCommand&&) noexcept = default;
SshCommand::~SshCommand() = default;

void SshCommand::begin_input(std::string bytes) {
  m_state->unsent = std::move(bytes);
}

std::optional<SshCommand::End> SshCommand::await_output(Deadline deadline,
                                                        const CancelToken& cancel) {
  while (true) {
    m_state->begin_round();
    const std::size_t sent = m_state->send();
    const bool over = m_state->over();
    const std::string more = m_state->read(false);
    m_state->unread += more;
    const std::string diagnostics = m_state->read(true);
    m_state->keep_diagnostics(diagnostics);
    if (!more.empty())
      return std::nullopt;
    if (sent > 0 || !diagnostics.empty())
      continue;
    if (over)
      return End{m_state->code(), m_state->diagnostics};
    if (m_state->may_wait())
      m_state->session.wait(deadline, cancel);
  }
}

const std::string& SshCommand::output() const noexcept {
  return m_state->unread;
}

SshCommand::End SshCommand::carry(const FileDescriptor& socket, const CancelToken& stop) {
  State& command = *m_state;
  bool open = true;
  while (!stop.cancelled()) {
    bool idle = true;
    command.begin_round();
    if (open && command.unsent.empty()) {
      const ssize_t count = ::recv(socket.get(), command.piece.data(), k_piece, MSG_DONTWAIT);
      open = count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
      command.unsent.assign(command.piece.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
    }
    if (!open && command.unsent.empty())
      command.end_input();
    idle = idle && command.send() == 0;

    const bool over = command.over();
    if (command.unread.empty())
      command.unread = command.read(false);
    const std::string diagnostics = command.read(true);
    command.keep_diagnostics(diagnostics);
    idle = idle && diagnostics.empty();
    if (!command.unread.empty()) {
      const ssize_t count = ::send(socket.get(), command.unread.data(), command.unread.size(),
                                   MSG_DONTWAIT | MSG_NOSIGNAL);
      if (count > 0)
        command.unread.erase(0, static_cast<std::size_t>(count));
      else if (count < 0 && errno != EAGAIN && errno != EINTR)
        command.unread.clear();  // nobody listens any more
      idle = idle && count < 0;
    }
    if (over && command.unread.empty() && idle)
      break;
    if (!idle || !command.may_wait())
      continue;
    const short wanted = static_cast<short>((open && command.unsent.empty() ? POLLIN : 0)
                                            | (command.unread.empty() ? 0 : POLLOUT));
    std::array polled = {command.session.entry(), pollfd{wanted ? socket.get() : -1, wanted, 0},
                         pollfd{stop.descriptor(), POLLIN, 0}};
    ::poll(polled.data(), polled.size(), -1);
  }
  return {command.code(), command.diagnostics};
}

std::optional<SshCommand::End> SshCommand::stream(const CommandIo& io, Deadline deadline,
                                                  const CancelToken& cancel) {
  State& command = *m_state;
  const auto hand_on = [&](OutputStream stream, const std::string& bytes) {
    if (!bytes.empty() && io.output)
      io.output(stream, bytes);
    return !bytes.empty();
  };
  bool readable = false;
  Deadline drained = Deadline::never();
  while (!cancel.cancelled() && !deadline.passed()) {
    command.begin_round();
    if (std::exchange(readable, false))
      command.take_input(io.input);
    else if (io.input < 0 && command.unsent.empty())
      command.end_input();
    const std::size_t sent = command.send();
    const bool over = command.over();
    const std::string diagnostics = command.read(true);
    command.keep_diagnostics(diagnostics);
    const bool wrote =
        hand_on(OutputStream::standard_output,
                command.unread.empty() ? command.read(false) : std::exchange(command.unread, {}));
    const bool complained = hand_on(OutputStream::standard_error, diagnostics);
    const bool idle = !wrote && !complained && sent == 0;
    if ((over && idle) || drained.passed())
      return End{command.code(), command.diagnostics};
    if (drained.is_never() && command.code())
      drained = Deadline::after(k_drain_grace);
    if (!idle || !command.may_wait())
      continue;
    const bool wanted = !command.input_ended && command.unsent.empty();
    std::array polled = {command.session.entry(), pollfd{wanted ? io.input : -1, POLLIN, 0},
                         pollfd{cancel.descriptor(), POLLIN, 0}};
    ::poll(polled.data(), polled.size(), earlier(deadline, drained).poll_timeout());
    readable = polled[1].revents != 0;
  }
  return std::nullopt;
}

Captured SshSession::run(const std::string& command_line, std::string_view input, Deadline deadline,
                         const CancelToken& cancel) {
  SshCommand started(*this, command_line, deadline, cancel);
  SshCommand::State& command = *started.m_state;
  Captured captured;
  while (true) {
    command.begin_round();
    const std::size_t sent = command.deaf ? input.size() : command.write(input);
    input.remove_prefix(sent);
    if (input.empty())
      command.end_input();
    const bool over = command.over();
    const std::string output = command.read(false);
    const std::string diagnostics = command.read(true);
    captured.output.append(output, 0, k_most_kept - std::min(k_most_kept, captured.output.size()));
    captured.diagnostics.append(diagnostics, 0,
                                k_most_kept - std::min(k_most_kept, captured.diagnostics.size()));
    if (sent > 0 || !output.empty() || !diagnostics.empty())
      continue;
    if (over)
      break;
    if (command.may_wait())
      m_state->wait(deadline, cancel);
  }
  const std::optional<int> code = command.code();
  if (!code && ssh_is_connected(m_state->handle.get()) == 0)
    throw Error(ErrorCode::lost, m_state->what + " closed the connection: " + m_state->reason());
  captured.status.code = code.value_or(255);
  return captured;
}

}  // namespace nestbox
