#include "runner/verb_server.hpp"

#include "harness/base/log.hpp"

namespace nestbox {
namespace {

constexpr std::size_t k_most_calls = 128;
constexpr std::chrono::seconds k_call_time{30};

}  // namespace

VerbServer::~VerbServer() {
  m_stop.cancel();
  std::list<Call> calls;
  {
    std::lock_guard lock(m_mutex);
    m_stopping = true;
    calls.swap(m_calls);
  }
  for (Call& call : calls)
    call.thread.join();
}

void VerbServer::serve(std::string caller, FileDescriptor connection) {
  std::list<Call> ended = take_ended();
  for (Call& call : ended)
    call.thread.join();
  std::lock_guard lock(m_mutex);
  if (m_stopping || m_calls.size() >= k_most_calls)
    return;  // dropping the connection refuses the call
  Call& call = m_calls.emplace_back();
  call.thread = std::thread(
      [this, &call, from = std::move(caller), socket = std::move(connection)]() mutable {
        answer(from, std::move(socket));
        std::lock_guard ending(m_mutex);
        call.ended = true;
      });
}

void VerbServer::answer(const std::string& caller, FileDescriptor connection) {
  VerbChannel channel(std::move(connection), m_stop.token());
  try {
    const VerbCall call = channel.accept(Deadline::after(k_call_time));
    const int code = m_handler(caller, call, channel);
    channel.exit(static_cast<std::uint8_t>(code));
  } catch (const std::exception& error) {
    log(LogLevel::debug, error.what());
  }
}

std::list<VerbServer::Call> VerbServer::take_ended() {
  std::list<Call> ended;
  std::lock_guard lock(m_mutex);
  for (auto call = m_calls.begin(); call != m_calls.end();) {
    const auto next = std::next(call);
    if (call->ended)
      ended.splice(ended.end(), m_calls, call);
    call = next;
  }
  return ended;
}

}  // namespace nestbox
