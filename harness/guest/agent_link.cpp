#include "harness/guest/agent_link.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace nestbox {

namespace {

/// More bytes than this without a valid frame, and the machine is flooding its port.
constexpr std::uint64_t k_max_garbage = 1024 * 1024;
/// Messages without stream data that one inbox holds; a sound agent never comes near.
constexpr std::size_t k_max_control_messages = 64;

FileDescriptor make_event() {
  FileDescriptor event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event)
    throw system_error("cannot make an event", errno);
  return event;
}

void raise_event(const FileDescriptor& event) {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(event.get(), &one, sizeof one);
}

void lower_event(const FileDescriptor& event) {
  std::uint64_t count;
  [[maybe_unused]] const ssize_t got = read(event.get(), &count, sizeof count);
}

/// Of what the thread waits for: the socket and the wake-up.
constexpr std::size_t k_own_entries = 2;

bool carries_data(FrameType type) {
  return type == FrameType::output || type == FrameType::error_output || type == FrameType::tree;
}

bool is_answer(FrameType type) {
  return type == FrameType::exit || type == FrameType::done || type == FrameType::error
         || type == FrameType::pong;
}

}  // namespace

AgentStream::AgentStream(AgentLink& link) : m_link(link), m_event(make_event()) {
  const std::scoped_lock lock(link.m_mutex);
  if (link.m_session == AgentLink::Session::none)
    link.begin_session();
  m_id = link.m_next_id++;
  link.m_streams.emplace(m_id, this);
  if (link.m_failure)
    raise_event(m_event);
}

AgentStream::~AgentStream() {
  end();
  const std::scoped_lock lock(m_link.m_mutex);
  m_link.m_streams.erase(m_id);
}

void AgentStream::send(FrameType type, std::string_view payload) {
  const std::scoped_lock lock(m_link.m_mutex);
  m_link.send(type, m_id, payload);
}

bool AgentStream::end() {
  const std::scoped_lock lock(m_link.m_mutex);
  if (!m_answered)
    m_link.send(FrameType::kill, m_id, {});
  return !m_answered;
}

void AgentStream::consumed(std::size_t bytes) {
  m_consumed += static_cast<std::uint32_t>(bytes);
  if (m_consumed < k_output_window / 4)
    return;
  const std::scoped_lock lock(m_link.m_mutex);
  m_allowance += m_consumed;
  m_link.send(FrameType::credit, m_id, encode_credit(m_consumed));
  m_consumed = 0;
}

std::optional<AgentStream::Message> AgentStream::take() {
  const std::scoped_lock lock(m_link.m_mutex);
  if (m_inbox.empty()) {
    if (m_link.m_failure)
      throw *m_link.m_failure;
    lower_event(m_event);
    return std::nullopt;
  }
  Message message = std::move(m_inbox.front());
  m_inbox.pop_front();
  if (!carries_data(message.type))
    --m_control_messages;
  return message;
}

AgentStream::Message AgentStream::receive(Deadline deadline, const CancelToken& cancel) {
  while (true) {
    if (auto message = take())
      return std::move(*message);
    switch (wait_readable(event(), deadline, cancel)) {
    case Wait::ready:
      break;
    case Wait::timed_out:
      throw Error(ErrorCode::timeout, "the machine's agent did not answer in time");
    case Wait::cancelled:
      throw Error(ErrorCode::cancelled, "cancelled");
    }
  }
}

AgentLink::AgentLink(FileDescriptor socket)
    : m_socket(std::move(socket)), m_wake(make_event()),
      m_calls([this](FrameType type, std::uint32_t stream, std::string_view payload) {
        send(type, stream, payload);
      }) {
  {
    // Before the machine even runs: it finds the hello waiting.
    const std::scoped_lock lock(m_mutex);
    begin_session();
  }
  m_thread = std::thread([this] { work(); });
}

AgentLink::~AgentLink() {
  {
    const std::scoped_lock lock(m_mutex);
    m_stop = true;
    raise_event(m_wake);
  }
  m_thread.join();
}

void AgentLink::session_ended() {
  const std::scoped_lock lock(m_mutex);
  m_session = Session::none;
  m_calls.clear();
  raise_event(m_wake);  // a socket that is polled stays open until the poll returns
}

void AgentLink::on_call(std::function<void(FileDescriptor)> handler) {
  const std::scoped_lock lock(m_handler_mutex);
  m_on_call = std::move(handler);
}

void AgentLink::begin_session() {
  if (getrandom(m_nonce.data(), m_nonce.size(), 0) != static_cast<ssize_t>(m_nonce.size()))
    throw system_error("cannot get random bytes", errno);
  HelloMessage hello;
  hello.nonce = m_nonce;
  m_session = Session::greeted;
  send(FrameType::hello, 0, encode(hello));
}

void AgentLink::send(FrameType type, std::uint32_t stream, std::string_view payload) {
  std::string bytes;
  bytes.reserve(payload.size() + k_frame_header_size);
  append_message(bytes, type, stream, payload);
  write(bytes);
}

void AgentLink::write(std::string_view bytes) {
  if (m_failure)
    return;
  if (m_backlog.empty()) {
    const ssize_t count =
        ::send(m_socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN && errno != EINTR)
      return;  // the reading thread sees the same end of the connection, and after what came before
               // it
    bytes.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (bytes.empty())
      return;
    raise_event(m_wake);
  }
  m_backlog += bytes;
}

void AgentLink::write_backlog() {
  const ssize_t count =
      ::send(m_socket.get(), m_backlog.data(), m_backlog.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count > 0)
    m_backlog.erase(0, static_cast<std::size_t>(count));
  else if (count < 0 && errno != EAGAIN && errno != EINTR)
    m_backlog.clear();
}

void AgentLink::fail(Error error) {
  if (!m_failure)
    m_failure = std::move(error);
  m_backlog.clear();
  m_calls.clear();
  shutdown(m_socket.get(), SHUT_RDWR);  // lets go of a machine that is still writing
  for (const auto& [id, stream] : m_streams)
    raise_event(stream->m_event);
}

void AgentLink::work() {
  std::vector<pollfd> polled;
  while (true) {
    {
      const std::scoped_lock lock(m_mutex);
      if (m_stop || m_failure)
        return;
      const bool blocked = !m_backlog.empty();
      polled = {{m_socket.get(), static_cast<short>(blocked ? POLLIN | POLLOUT : POLLIN), 0},
                {m_wake.get(), POLLIN, 0}};
      // What calls send waits until what was sent before is gone.
      if (!blocked)
        m_calls.watch(polled);
    }
    poll(polled.data(), polled.size(), -1);
    {
      const std::scoped_lock lock(m_mutex);
      if (polled[1].revents)
        lower_event(m_wake);
      if (polled[0].revents & POLLOUT)
        write_backlog();
      if (polled.size() > k_own_entries)
        m_calls.serve(polled.data() + k_own_entries, polled.size() - k_own_entries);
      if (polled[0].revents & (POLLIN | POLLHUP | POLLERR))
        read_socket();
    }
    hand_over_calls();
  }
}

void AgentLink::hand_over_calls() {
  std::vector<FileDescriptor> calls;
  {
    const std::scoped_lock lock(m_mutex);
    calls = m_calls.take_new();
  }
  if (calls.empty())
    return;
  const std::scoped_lock lock(m_handler_mutex);
  for (FileDescriptor& call : calls)
    if (m_on_call)
      m_on_call(std::move(call));
}

void AgentLink::read_socket() {
  const FrameDecoder::Space space = m_decoder.space();
  const ssize_t count = recv(m_socket.get(), space.data, space.size, MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (count <= 0)
    return fail(Error(ErrorCode::lost, "the machine closed the connection to its agent"));
  m_decoder.filled(static_cast<std::size_t>(count));
  while (const auto frame = m_decoder.next())
    dispatch(*frame);
  if (m_decoder.skipped() > k_max_garbage)
    fail(Error(ErrorCode::corrupt, "the machine floods its agent port with garbage"));
}

void AgentLink::greet(std::string_view payload) {
  const auto message = decode_hello(payload);
  if (!message)
    return fail(Error(ErrorCode::corrupt, "the machine's agent sent an unsound hello"));
  if (message->nonce == m_nonce) {
    if (message->protocol != k_protocol_version)
      return fail(Error(ErrorCode::infrastructure,
                        "the machine's agent speaks protocol " + std::to_string(message->protocol)
                            + ", not " + std::to_string(k_protocol_version),
                        "build the environment again: nestbox cache drop"));
    m_session = Session::established;
  } else if (m_session == Session::established && message->nonce == Nonce{}) {
    fail(Error(ErrorCode::lost, "the machine's agent was killed and started again"));
  }
}

void AgentLink::dispatch(const Frame& frame) {
  if (frame.type == FrameType::hello)
    return greet(frame.payload);
  // Until the agent has answered our hello it may still be sending what a former host asked for.
  if (m_session == Session::established && frame.stream >= k_first_call_stream) {
    if (!m_calls.receive(frame))
      fail(Error(ErrorCode::corrupt, "the machine's agent breaks the rules of a call"));
    return;
  }
  const auto found = m_streams.find(frame.stream);
  if (m_session != Session::established || found == m_streams.end())
    return;
  AgentStream& stream = *found->second;
  const bool data = carries_data(frame.type);
  if (data ? frame.payload.size() > stream.m_allowance
           : ++stream.m_control_messages > k_max_control_messages)
    return fail(
        Error(ErrorCode::corrupt, "the machine's agent sends more than it was given credit for"));
  stream.m_allowance -= data ? frame.payload.size() : 0;
  stream.m_answered = stream.m_answered || is_answer(frame.type);
  if (data && !stream.m_inbox.empty() && stream.m_inbox.back().type == frame.type
      && stream.m_inbox.back().payload.size() < k_max_payload)
    stream.m_inbox.back().payload += frame.payload;
  else
    stream.m_inbox.push_back({frame.type, std::string(frame.payload)});
  raise_event(stream.m_event);
}

}  // namespace nestbox
