#include "vmdrivers/docker/container_transport.hpp"

#include <mutex>

#include "harness/base/error.hpp"
#include "vmdrivers/docker/requests.hpp"

namespace nestbox::docker {
namespace {

using nlohmann::json;

class ContainerTransport final : public Transport {
public:
  ContainerTransport(std::unique_ptr<Transport> agent, Engine& engine, std::string container,
                     std::string hostname)
      : m_agent(std::move(agent)), m_engine(engine), m_container(std::move(container)),
        m_hostname(std::move(hostname)) {}

  CommandResult run(const Command& command, const CommandIo& io, Deadline deadline,
                    const CancelToken& cancel) override {
    return m_agent->run(command, io, deadline, cancel);
  }
  void put(const std::filesystem::path& root, const std::vector<std::string>& files,
           const std::string& destination, Deadline deadline, const CancelToken& cancel) override {
    m_agent->put(root, files, destination, deadline, cancel);
  }
  void get(const std::string& source, const std::filesystem::path& destination, Bytes limit,
           Deadline deadline, const CancelToken& cancel) override {
    m_agent->get(source, destination, limit, deadline, cancel);
  }
  void quiesce(Deadline deadline) override { m_agent->quiesce(deadline); }
  void ping(Deadline deadline, const CancelToken& cancel) override {
    m_agent->ping(deadline, cancel);
  }
  void on_call(std::function<void(FileDescriptor)> handler) override {
    m_agent->on_call(std::move(handler));
  }

  void thaw(const Identity& identity, Deadline deadline) override {
    Identity own = identity;
    {
      const std::lock_guard lock(m_mutex);
      if (identity.hostname != m_hostname && renamed(identity.hostname, deadline))
        m_hostname = identity.hostname;
      own.hostname = m_hostname;
    }
    m_agent->thaw(own, deadline);
  }

private:
  /// By a process of the container that may do more than the container. False where the engine
  /// itself may not do that much (an engine within a container).
  bool renamed(const std::string& hostname, Deadline deadline) {
    const std::string id = id_of(m_engine.call({.method = "POST",
                                                .path = "/containers/" + m_container + "/exec",
                                                .body = hostname_request(hostname)},
                                               deadline));
    m_engine.call({.method = "POST",
                   .path = "/exec/" + id + "/start",
                   .body = json({{"Detach", false}, {"Tty", false}}),
                   .sink = [](std::string_view) {}},
                  deadline);
    const json outcome = m_engine.call({.path = "/exec/" + id + "/json"}, deadline);
    return outcome.is_object() && outcome.value("ExitCode", json()) == json(0);
  }

  std::unique_ptr<Transport> m_agent;
  Engine& m_engine;
  std::string m_container;
  std::mutex m_mutex;
  std::string m_hostname;  ///< guarded by m_mutex
};

}  // namespace

std::unique_ptr<Transport> make_container_transport(std::unique_ptr<Transport> agent,
                                                    Engine& engine, std::string container,
                                                    std::string hostname) {
  return std::make_unique<ContainerTransport>(std::move(agent), engine, std::move(container),
                                              std::move(hostname));
}

}  // namespace nestbox::docker
