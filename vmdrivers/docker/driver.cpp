#include "vmdrivers/docker/driver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>

#include "harness/base/filesystem.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"
#include "harness/guest/agent_transport.hpp"
#include "vmdrivers/docker/container_machine.hpp"
#include "vmdrivers/docker/engine.hpp"
#include "vmdrivers/docker/event_watcher.hpp"
#include "vmdrivers/docker/images.hpp"
#include "vmdrivers/docker/leftovers.hpp"
#include "vmdrivers/docker/requests.hpp"
#include "vmdrivers/docker/settings.hpp"

namespace nestbox::docker {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr auto k_question_time = 20s;

/// Of what a snapshot holds.
constexpr int k_format = 1;

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? std::optional<std::string>(value) : std::nullopt;
}

/// An engine, and what is known of it.
struct Connection {
  Connection(fs::path socket, EngineFacts known)
      : engine(std::move(socket)), events(engine), facts(std::move(known)) {}

  Engine engine;
  EventWatcher events;
  EngineFacts facts;
};

class DockerDriver final : public Driver {
public:
  std::string_view name() const override { return "docker"; }
  Capabilities capabilities() const override {
    return {.boots = Boots::image,
            .fork = true,
            .network = true,
            .peers = true,
            .terminal = true,
            .docker = true};
  }
  Availability availability() override;
  std::unique_ptr<Machine> boot(const MachineSpec& spec, const BootOptions& options,
                                Deadline deadline, const CancelToken& cancel) override;
  std::unique_ptr<Machine> fork(const Snapshot& snapshot, const ForkOptions& options,
                                Deadline deadline, const CancelToken& cancel) override;
  std::string snapshot_key() override;
  double slowdown() override { return 1.0; }
  std::string resolve_image(const std::string& image, Deadline deadline,
                            const CancelToken& cancel) override {
    return find_or_make_image(connection().engine, parse_image(image), deadline, cancel);
  }
  std::vector<Leftover> reap(bool dry_run, Deadline deadline, const CancelToken& cancel) override {
    std::vector<Leftover> found = reap_leftovers(connection().engine, dry_run, deadline, cancel);
    std::ranges::move(reap_offered_engines(dry_run), std::back_inserter(found));
    return found;
  }

private:
  Connection& connection();
  std::string image_of(const MachineSpec& spec, Deadline deadline, const CancelToken& cancel);
  std::unique_ptr<Machine> start(const MachineSpec& spec, const std::string& image, bool has_agent,
                                 Deadline deadline, const CancelToken& cancel);

  std::mutex m_mutex;
  std::unique_ptr<Connection> m_connection;
  std::map<std::string, std::string> m_digests;  ///< of archives, by what stat(2) says of them
};

/// Asks again while there is none: an engine may be started meanwhile.
Connection& DockerDriver::connection() {
  const std::lock_guard lock(m_mutex);
  if (m_connection)
    return *m_connection;
  const DockerSettings settings = value_or_throw(
      read_settings(variable, [](const fs::path& path) { return fs::exists(path); }));
  Engine engine(settings.socket);
  Result<json> info =
      catch_error([&] { return engine.call({.path = "/info"}, Deadline::after(k_question_time)); });
  if (!info && !fs::exists(settings.socket))
    info.error().code = ErrorCode::unsupported;
  const EngineFacts facts = engine_facts(value_or_throw(std::move(info)));
  m_connection = std::make_unique<Connection>(settings.socket, facts);
  return *m_connection;
}

Availability DockerDriver::availability() {
  const Result<Connection*> found = catch_error([this] { return &connection(); });
  if (!found) {
    std::string hint = found.error().hint;
    if (hint.empty())
      hint = "apt-get install docker.io, start its service, and be in the group 'docker'";
    return {.reason = found.error().message, .hint = hint};
  }
  const EngineFacts& facts = (*found)->facts;
  Availability availability{
      .available = true,
      .reason = fmt::format("container engine {} at '{}', containers share this host's kernel",
                            facts.version, (*found)->engine.socket().string()),
      .acceleration = "native"};
  if (const std::vector<std::string> missing = missing_limits(facts); !missing.empty())
    availability.details.push_back(fmt::format("this engine cannot limit {}", join(missing, ", ")));
  return availability;
}

std::string DockerDriver::snapshot_key() {
  return fmt::format("docker {} format {} agent {}\n", connection().facts.id, k_format,
                     agent_digest());
}

std::string DockerDriver::image_of(const MachineSpec& spec, Deadline deadline,
                                   const CancelToken& cancel) {
  if (!spec.disk)
    return spec.image;
  if (spec.disk_format != "tar")
    throw Error(ErrorCode::unsupported,
                fmt::format("a container cannot boot the disk '{}'", spec.disk->string()));
  const std::string print = fmt::format("{} {} {}", spec.disk->string(), fs::file_size(*spec.disk),
                                        fs::last_write_time(*spec.disk).time_since_epoch().count());
  std::string digest;
  {
    const std::lock_guard lock(m_mutex);
    digest = m_digests[print];
  }
  if (digest.empty()) {
    digest = sha256_file(*spec.disk);
    const std::lock_guard lock(m_mutex);
    m_digests[print] = digest;
  }
  return find_or_import(connection().engine, *spec.disk, digest, deadline, cancel);
}

std::unique_ptr<Machine> DockerDriver::start(const MachineSpec& spec, const std::string& image,
                                             bool has_agent, Deadline deadline,
                                             const CancelToken& cancel) {
  cancel.throw_if_cancelled();
  Connection& to = connection();
  Labels labels = owner_labels();
  labels["nestbox.machine"] = spec.name;
  std::unique_ptr<OfferedEngine> offered;
  EngineOffer offer;
  if (spec.docker) {
    offered = std::make_unique<OfferedEngine>(to.engine, new_scope(spec));
    offer.socket = offered->path();
    if (spec.network == NetworkAccess::user)
      offer.network = offered->socket().default_network();
  }
  const json created =
      to.engine.call({.method = "POST",
                      .path = "/containers/create" + query({{"name", container_name(spec.name)}}),
                      .body = container_request(spec, image, to.facts, labels, offer)},
                     deadline, cancel);
  auto container = std::make_unique<Container>(to.engine, id_of(created));
  if (!has_agent)
    to.engine.call({.method = "PUT",
                    .path = container->path("/archive?path=/"),
                    .archive = piecewise(agent_archive())},
                   deadline, cancel);
  auto machine = std::make_unique<ContainerMachine>(to.engine, to.events, spec, std::move(offered),
                                                    std::move(container), deadline, cancel);
  machine->await_agent(deadline, cancel);
  return machine;
}

std::unique_ptr<Machine> DockerDriver::boot(const MachineSpec& spec, const BootOptions&,
                                            Deadline deadline, const CancelToken& cancel) {
  try {
    return start(spec, image_of(spec, deadline, cancel), false, deadline, cancel);
  } catch (Error& error) {
    if (error.code == ErrorCode::lost)
      error.code = ErrorCode::infrastructure;
    throw error.during("booting machine '" + spec.name + "' (driver docker)");
  }
}

std::unique_ptr<Machine> DockerDriver::fork(const Snapshot& snapshot, const ForkOptions& options,
                                            Deadline deadline, const CancelToken& cancel) {
  MachineSpec spec = snapshot.spec;
  spec.name = options.name;
  spec.save_directory = options.save_directory;
  try {
    return start(spec, spec.image, true, deadline, cancel);
  } catch (Error& error) {
    // Somebody has removed the image: what is in the cache is worth nothing without it.
    if (error.code == ErrorCode::not_found)
      error.code = ErrorCode::lost;
    throw error.during("forking machine '" + options.name + "' (driver docker)");
  }
}

}  // namespace

std::unique_ptr<Driver> make_driver(const DriverSettings&) {
  return std::make_unique<DockerDriver>();
}

}  // namespace nestbox::docker
