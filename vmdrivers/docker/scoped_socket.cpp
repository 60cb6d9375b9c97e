#include "vmdrivers/docker/scoped_socket.hpp"

#include <sys/socket.h>

#include "harness/base/unix_socket.hpp"
#include "vmdrivers/docker/leftovers.hpp"
#include "vmdrivers/docker/scope_connection.hpp"

namespace nestbox::docker {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr auto k_making_time = 60s;
constexpr std::size_t k_most_connections = 256;

/// One that is there already is as good. Not to be cancelled: what an engine makes after all would
/// be found by nobody.
void make(Engine& engine, const std::string& path, const json& body) {
  constexpr int k_conflict = 409;
  const HttpReply reply =
      engine.ask({.method = "POST", .path = path, .body = body}, Deadline::after(k_making_time));
  if (!reply.success() && reply.status != k_conflict)
    throw engine_error(reply.status, reply.body);
}

}  // namespace

ScopedSocket::ScopedSocket(Engine& engine, Scope scope, const fs::path& path)
    : m_engine(engine), m_scope(std::move(scope)), m_listener(listen_on_path(path)),
      m_thread([this] { accept(); }) {}

ScopedSocket::~ScopedSocket() {
  m_stop.cancel();
  m_thread.join();
  remove_scope(m_engine, m_scope);
}

std::string ScopedSocket::default_network() {
  std::call_once(m_network, [this] {
    make(m_engine, "/networks/create",
         {{"CheckDuplicate", true},
          {"Internal", !m_scope.network},
          {"Labels", m_scope.labels()},
          {"Name", m_scope.default_network()}});
  });
  return m_scope.default_network();
}

void ScopedSocket::prepare(const ScopeVerdict& verdict) {
  if (verdict.default_network)
    default_network();
  for (const std::string& volume : verdict.volumes)
    make(m_engine, "/volumes/create", {{"Labels", m_scope.labels()}, {"Name", volume}});
}

void ScopedSocket::accept() {
  while (wait_readable(m_listener.get(), Deadline::never(), m_stop.token()) == Wait::ready) {
    sweep(false);
    FileDescriptor client(::accept4(m_listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client || m_workers.size() >= k_most_connections)
      continue;
    Worker& worker = m_workers.emplace_back();
    worker.thread = std::thread([this, &worker, socket = client.release()] {
      serve_scoped(
          m_engine, m_scope, FileDescriptor(socket),
          [this](const ScopeVerdict& verdict) { prepare(verdict); }, m_stop.token());
      worker.done = true;
    });
  }
  sweep(true);
}

void ScopedSocket::sweep(bool all) {
  for (Worker& worker : m_workers)
    if (all || worker.done)
      worker.thread.join();
  std::erase_if(m_workers, [](const Worker& worker) { return !worker.thread.joinable(); });
}

}  // namespace nestbox::docker
