#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "harness/guest/agent/identity.hpp"
#include "harness/guest/agent/stream.hpp"

namespace nestbox::agent {

struct ServerSettings {
  std::string cgroup_base{};  ///< empty: no cgroups
  /// PID 1: reap orphans, answer the signals that shut a machine down (with `end_with_connection`
  /// by ending).
  bool is_init = false;
  bool expendable_commands =
      false;                  ///< the kernel shall take commands before us when memory is short
  std::string call_socket{};  ///< where programs call the host; empty: they cannot
  IdentityScope identity = IdentityScope::machine;
  OomScope ooms = OomScope::machine;
  bool end_with_connection =
      false;  ///< return at end of file (a socket) instead of waiting for the next host
};

/// Answers one host at a time, in one thread, until the connection ends (or for ever).
class Server {
public:
  /// Non-blocking descriptors, of which a socket or a port is both.
  Server(int input, int output, ServerSettings settings);
  void serve();

private:
  bool take_turn();
  void read_connection();
  void handle(const Frame& frame);
  void begin_session(std::string_view payload);
  void end_session();
  void open_stream(const Frame& frame);
  void run(const Frame& frame);
  void keep(std::uint32_t id, std::unique_ptr<Stream> stream);
  void handle_signals();
  void handle_sources();
  void accept_calls();
  void answer(std::uint32_t stream, const std::optional<std::string>& error);
  void refuse(std::uint32_t stream, std::string why);
  void say_hello(const Nonce& nonce);

  int m_input;
  int m_output;
  ServerSettings m_settings;
  FileDescriptor m_signals;
  FileDescriptor m_call_listener;
  Watcher m_watcher;
  ProcessTrees m_trees;
  OomCounter m_ooms;
  Session m_session;
  Identity m_identity;
  FrameDecoder m_decoder;
  std::optional<Nonce> m_nonce;
  std::map<std::uint32_t, std::unique_ptr<Stream>> m_streams;
  std::map<std::uint32_t, std::string> m_unfinished_runs;
  std::uint32_t m_next_call = k_first_call_stream;
  bool m_readable = true;
  bool m_sources_watched = true;
  bool m_connected = true;
};

}  // namespace nestbox::agent
