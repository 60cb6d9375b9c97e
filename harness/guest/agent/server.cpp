#include "harness/guest/agent/server.hpp"

#include <signal.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

#include "harness/guest/agent/call.hpp"
#include "harness/guest/agent/command.hpp"
#include "harness/guest/agent/system.hpp"
#include "harness/guest/agent/transfer.hpp"

namespace nestbox::agent {

namespace {

enum Tag : std::uint64_t { k_connection, k_output, k_signals, k_sources, k_calls };

constexpr std::size_t k_max_streams = 1024;
/// After so much input others get their turn.
constexpr std::size_t k_read_burst = 1024 * 1024;

FileDescriptor take_signals(bool is_init) {
  sigset_t taken;
  sigemptyset(&taken);
  sigaddset(&taken, SIGCHLD);
  if (is_init)
    for (const int number : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2})
      sigaddset(&taken, number);
  FileDescriptor signals(signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
  sigaddset(&taken, SIGPIPE);
  sigprocmask(SIG_BLOCK, &taken, nullptr);
  return signals;
}

}  // namespace

Server::Server(int input, int output, ServerSettings settings)
    : m_input(input), m_output(output), m_settings(std::move(settings)),
      m_signals(take_signals(m_settings.is_init)), m_trees(m_settings.cgroup_base),
      m_ooms(m_settings.ooms), m_session{.outbox = {},
                                         .sources = {},
                                         .trees = m_trees,
                                         .ooms = m_ooms},
      m_identity(m_settings.identity) {
  // Edges only: while no host is there the port reports a hang-up for as long as that lasts.
  if (m_input == m_output) {
    m_watcher.add(m_input, EPOLLIN | EPOLLOUT | EPOLLET, k_connection);
  } else {
    m_watcher.add(m_input, EPOLLIN | EPOLLET, k_connection);
    m_watcher.add(m_output, EPOLLOUT | EPOLLET, k_output);
  }
  m_watcher.add(m_signals.get(), EPOLLIN, k_signals);
  m_watcher.add(m_session.sources.descriptor(), EPOLLIN, k_sources);
  if (m_settings.call_socket.empty())
    return;
  m_call_listener = listen_for_calls(m_settings.call_socket);
  if (m_call_listener)
    m_watcher.add(m_call_listener.get(), EPOLLIN, k_calls);
  else
    report("cannot listen on '" + m_settings.call_socket + "': " + strerrordesc_np(errno));
}

void Server::serve() {
  say_hello(Nonce{});
  while (true) {
    const bool more = take_turn();
    if (!m_connected && m_settings.end_with_connection)
      break;
    epoll_event events[Watcher::k_batch];
    const int count = m_watcher.wait(events, more ? 0 : -1);
    for (int i = 0; i < count; ++i)
      if (events[i].data.u64 == k_connection)
        m_readable = m_readable || (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
      else if (events[i].data.u64 == k_output)
        m_connected = m_connected && (events[i].events & EPOLLERR) == 0;
      else if (events[i].data.u64 == k_signals)
        handle_signals();
      else if (events[i].data.u64 == k_calls)
        accept_calls();
      else
        handle_sources();
  }
  end_session();
}

/// True when there is more to do without waiting.
bool Server::take_turn() {
  if (m_readable)
    read_connection();
  bool more = m_readable;
  for (const auto& [id, stream] : m_streams)
    more = stream->pump() || more;
  std::erase_if(m_streams, [](const auto& entry) { return entry.second->finished(); });
  if (m_session.outbox.flush(m_output) == Outbox::Flush::closed)
    m_connected = false;
  if (const bool room = m_session.outbox.has_room(); room != m_sources_watched) {
    m_watcher.change(m_session.sources.descriptor(), room ? EPOLLIN : 0u, k_sources);
    m_sources_watched = room;
  }
  return more;
}

void Server::read_connection() {
  std::size_t total = 0;
  while (total < k_read_burst) {
    const FrameDecoder::Space space = m_decoder.space();
    const ssize_t count = read(m_input, space.data, space.size);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0) {
      m_readable = false;
      if (count < 0 && errno == EAGAIN)
        return;
      m_connected = false;
      m_decoder.reset();  // the next host does not continue this one's frame
      return;
    }
    m_connected = true;
    total += static_cast<std::size_t>(count);
    m_decoder.filled(static_cast<std::size_t>(count));
    while (const auto frame = m_decoder.next())
      handle(*frame);
  }
}

void Server::handle(const Frame& frame) {
  if (frame.type == FrameType::hello)
    return begin_session(frame.payload);
  if (!m_nonce)
    return;
  if (frame.type == FrameType::ping)
    return m_session.outbox.add(FrameType::pong, frame.stream, frame.payload);
  if (frame.type == FrameType::thaw) {
    const auto message = decode_thaw(frame.payload);
    return message ? answer(frame.stream, m_identity.change(*message))
                   : refuse(frame.stream, "a thaw of unsound bytes");
  }
  if (frame.type == FrameType::quiesce) {
    end_session();
    sync();
    return answer(frame.stream, std::nullopt);
  }
  if (frame.type == FrameType::run || frame.type == FrameType::put || frame.type == FrameType::get)
    return open_stream(frame);
  if (const auto found = m_streams.find(frame.stream); found != m_streams.end()) {
    found->second->receive(frame);
    if (found->second->finished())
      m_streams.erase(found);
  }
}

void Server::begin_session(std::string_view payload) {
  const auto message = decode_hello(payload);
  if (!message)
    return;
  if (m_nonce != message->nonce) {
    end_session();
    m_session.outbox.clear();
    m_nonce = message->nonce;
  }
  say_hello(message->nonce);
}

void Server::end_session() {
  m_nonce.reset();
  m_streams.clear();
  m_unfinished_runs.clear();
}

void Server::say_hello(const Nonce& nonce) {
  utsname kernel{};
  uname(&kernel);
  HelloMessage message;
  message.nonce = nonce;
  message.agent_version = NESTBOX_VERSION;
  message.kernel_release = kernel.release;
  m_session.outbox.add(FrameType::hello, 0, encode(message));
}

void Server::open_stream(const Frame& frame) {
  if (frame.stream >= k_first_call_stream || m_streams.contains(frame.stream)
      || m_streams.size() + m_unfinished_runs.size() >= k_max_streams)
    return refuse(frame.stream, "a stream too many");
  if (frame.type == FrameType::run)
    return run(frame);
  if (frame.type == FrameType::put)
    keep(frame.stream, std::make_unique<Put>(m_session, frame.stream, frame.payload));
  else
    keep(frame.stream, std::make_unique<Get>(m_session, frame.stream, frame.payload));
}

void Server::keep(std::uint32_t id, std::unique_ptr<Stream> stream) {
  if (!stream->finished())
    m_streams.emplace(id, std::move(stream));
}

void Server::run(const Frame& frame) {
  std::string bytes = std::move(m_unfinished_runs[frame.stream]);
  bytes += frame.payload;
  if ((frame.flags & k_more) != 0 && bytes.size() <= k_max_message) {
    m_unfinished_runs[frame.stream] = std::move(bytes);
    return;
  }
  m_unfinished_runs.erase(frame.stream);
  const auto message = decode_run(bytes);
  if (!message)
    return refuse(frame.stream, "a command of unsound bytes");
  keep(frame.stream, std::make_unique<Command>(m_session, frame.stream, *message,
                                               m_settings.expendable_commands));
}

void Server::handle_signals() {
  signalfd_siginfo information;
  while (read(m_signals.get(), &information, sizeof information) == sizeof information) {
    if (information.ssi_signo == SIGCHLD)
      continue;
    if (m_settings.end_with_connection) {
      m_connected = false;
      continue;
    }
    // What busybox's reboot, halt and poweroff send to PID 1, in this order, and the keyboard's
    // SIGINT.
    sync();
    reboot(information.ssi_signo == SIGTERM || information.ssi_signo == SIGINT ? RB_AUTOBOOT
                                                                               : RB_POWER_OFF);
  }
  int status;
  while (const pid_t pid = waitpid(-1, &status, WNOHANG)) {
    if (pid < 0)
      break;
    for (const auto& [id, stream] : m_streams)
      if (stream->reaped(pid, status))
        break;
  }
}

void Server::handle_sources() {
  epoll_event events[Watcher::k_batch];
  const int count = m_session.sources.wait(events, 0);
  for (int i = 0; i < count; ++i) {
    // An earlier event of this batch may have ended the stream of a later one.
    const auto found = m_streams.find(static_cast<std::uint32_t>(events[i].data.u64 >> 8));
    if (found != m_streams.end() && !found->second->finished())
      found->second->ready(static_cast<unsigned>(events[i].data.u64 & 0xFF));
  }
}

/// Whoever calls while no host is there, or one too many, is hung up on at once.
void Server::accept_calls() {
  while (true) {
    FileDescriptor connection(
        accept4(m_call_listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!connection)
      return;
    const auto calls = std::distance(m_streams.lower_bound(k_first_call_stream), m_streams.end());
    if (!m_nonce || calls >= static_cast<std::ptrdiff_t>(k_max_calls))
      continue;
    const std::uint32_t id = m_next_call++;
    m_streams.emplace(id, std::make_unique<Call>(m_session, id, std::move(connection)));
  }
}

void Server::answer(std::uint32_t stream, const std::optional<std::string>& error) {
  if (error)
    m_session.outbox.add(FrameType::error, stream,
                         encode(ErrorMessage{ErrorMessage::Kind::failed, *error}));
  else
    m_session.outbox.add(FrameType::done, stream, {});
}

void Server::refuse(std::uint32_t stream, std::string why) {
  m_session.outbox.add(FrameType::error, stream,
                       encode(ErrorMessage{ErrorMessage::Kind::invalid, std::move(why)}));
}

}  // namespace nestbox::agent
