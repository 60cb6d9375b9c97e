#pragma once

#include <atomic>
#include <list>
#include <mutex>
#include <thread>

#include "harness/base/filesystem.hpp"
#include "vmdrivers/docker/engine.hpp"
#include "vmdrivers/docker/scope.hpp"

namespace nestbox::docker {

/// A unix socket behind which a scope of an engine looks like an engine. Dropping it ends its
/// connections and removes all that was made through it, which may take a minute.
class ScopedSocket {
public:
  /// Listens at `path`, which must not exist. Throws Error(io).
  ScopedSocket(Engine& engine, Scope scope, const fs::path& path);
  ~ScopedSocket();

  /// Makes Scope::default_network, once, and tells its name. Blocks on the engine; throws as
  /// Engine::call does. Any thread.
  std::string default_network();

private:
  struct Worker {
    std::thread thread;
    std::atomic<bool> done = false;
  };

  void accept();
  void prepare(const ScopeVerdict& verdict);
  void sweep(bool all);

  Engine& m_engine;
  Scope m_scope;
  FileDescriptor m_listener;
  CancelSource m_stop;
  std::list<Worker> m_workers;  ///< of the accepting thread
  std::once_flag m_network;
  std::thread m_thread;
};

}  // namespace nestbox::docker
