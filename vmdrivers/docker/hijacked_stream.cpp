#include "vmdrivers/docker/hijacked_stream.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "harness/base/unix_socket.hpp"
#include "vmdrivers/docker/engine.hpp"

namespace nestbox::docker {
namespace {

constexpr std::size_t k_head_limit = 16 * 1024;
constexpr std::string_view k_head_end = "\r\n\r\n";

void await(int connection, Deadline deadline, const CancelToken& cancel) {
  switch (wait_readable(connection, deadline, cancel)) {
  case Wait::ready:
    return;
  case Wait::cancelled:
    cancel.throw_if_cancelled();
    [[fallthrough]];
  case Wait::timed_out:
    throw Error(ErrorCode::timeout, "the container engine did not answer in time");
  }
}

/// Up to and with the empty line, and not a byte further: what follows is the stream's own.
std::string read_head(int connection, Deadline deadline, const CancelToken& cancel) {
  std::string head;
  char buffer[2048];
  while (head.size() < k_head_limit) {
    await(connection, deadline, cancel);
    const ssize_t seen = ::recv(connection, buffer, sizeof buffer, MSG_PEEK);
    if (seen <= 0)
      break;
    const std::size_t before = head.size();
    head.append(buffer, static_cast<std::size_t>(seen));
    const std::size_t end = head.find(k_head_end, before < 3 ? 0 : before - 3);
    if (end != head.npos)
      head.resize(end + k_head_end.size());
    if (::recv(connection, buffer, head.size() - before, MSG_WAITALL)
        != static_cast<ssize_t>(head.size() - before))
      break;
    if (end != head.npos)
      return head;
  }
  throw Error(ErrorCode::corrupt, "the container engine broke off before it answered");
}

/// What a refusal says, as far as it has come when the engine is done.
std::string read_rest(int connection, Deadline deadline, const CancelToken& cancel) {
  std::string body;
  char buffer[2048];
  while (body.size() < k_head_limit) {
    await(connection, deadline, cancel);
    const ssize_t count = ::recv(connection, buffer, sizeof buffer, 0);
    if (count <= 0)
      break;
    body.append(buffer, static_cast<std::size_t>(count));
    if (!nlohmann::json::parse(body, nullptr, false).is_discarded())
      break;
  }
  return body;
}

}  // namespace

int status_of(std::string_view head) {
  constexpr std::string_view k_protocol = "HTTP/1.";
  constexpr std::size_t k_number = k_protocol.size() + 2;
  int status = 0;
  if (!head.starts_with(k_protocol) || head.size() < k_number + 3 || head[k_number - 1] != ' ')
    return 0;
  const auto [end, error] =
      std::from_chars(head.data() + k_number, head.data() + k_number + 3, status);
  return error == std::errc() && end == head.data() + k_number + 3 ? status : 0;
}

HijackedStream hijack(const std::filesystem::path& socket, const std::string& path,
                      Deadline deadline, const CancelToken& cancel, const std::string& body) {
  FileDescriptor connection = connect_to_path(socket);
  const std::string request = fmt::format(
      "POST {} HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
      "{}Content-Length: {}\r\n\r\n{}",
      path, body.empty() ? "" : "Content-Type: application/json\r\n", body.size(), body);
  if (::send(connection.get(), request.data(), request.size(), MSG_NOSIGNAL)
      != static_cast<ssize_t>(request.size()))
    throw system_error("cannot ask the container engine for a stream", errno);
  std::string head = read_head(connection.get(), deadline, cancel);
  const int status = status_of(head);
  // Engines that know no upgrade answer 200 and go on all the same.
  if (status == 101 || status == 200)
    return {std::move(connection), std::move(head)};
  if (status == 0)
    throw Error(ErrorCode::corrupt, "the container engine does not answer with HTTP");
  throw engine_error(status, read_rest(connection.get(), deadline, cancel));
}

}  // namespace nestbox::docker
