#include "benchmarks/lab.hpp"

#include <cstdio>

#include "benchmarks/sample.hpp"
#include "vmdrivers/register_drivers.hpp"

namespace nestbox::bench {

namespace {

class PlainProgress : public Progress {
public:
  void started(std::string_view activity) override {
    std::fprintf(stderr, "%.*s\n", static_cast<int>(activity.size()), activity.data());
  }
  void output(std::string_view) override {}
  void finished(std::string_view) override {}
};

}  // namespace

Lab::Lab(fs::path program)
    : m_program(std::move(program)), m_cache(cache_directory()),
      m_progress(std::make_unique<PlainProgress>()) {
  register_drivers(m_registry);
  m_driver = make_driver("qemu");
}

std::unique_ptr<Driver> Lab::make_driver(const std::string& name) {
  DriverSettings settings;
  settings.accelerator = AcceleratorPolicy::never;
  settings.probe_guest = [this] {
    return EnvironmentBuilder::tiny_guest(m_cache, *m_progress, CancelToken());
  };
  auto driver = m_registry.make(name, settings);
  const Availability availability = driver->availability();
  if (!availability.available)
    throw Error(ErrorCode::unsupported,
                "driver '" + name + "' does not work here: " + availability.reason,
                availability.hint);
  return driver;
}

Lab::~Lab() = default;

std::shared_ptr<PreparedEnvironment> Lab::environment(const std::string& name,
                                                      std::size_t interfaces) {
  auto& prepared = m_environments[{name, interfaces}];
  if (!prepared)
    prepared = environment_on(*m_driver, name, interfaces);
  return prepared;
}

std::shared_ptr<PreparedEnvironment> Lab::environment_on(Driver& driver, const std::string& name,
                                                         std::size_t interfaces) {
  return EnvironmentBuilder(m_cache, driver, *m_progress)
      .prepare(builtin_environments().at(name), fs::current_path(), CancelToken(), interfaces);
}

std::shared_ptr<PreparedTopology> Lab::topology(const Definition& definition,
                                                const std::string& name) {
  auto& prepared = m_topologies[name];
  const CancelToken never;
  if (!prepared)
    prepared = prepare_topology({m_cache, *m_progress, never}, *m_driver, definition,
                                definition.topologies.at(name), fs::current_path());
  return prepared;
}

DockerPeer& Lab::docker() {
  if (!m_docker)
    m_docker.emplace();
  return *m_docker;
}

Driver& Lab::libvirt() {
  if (!m_libvirt)
    m_libvirt.emplace();
  if (!m_libvirt_driver)
    m_libvirt_driver = make_driver("libvirt");
  return *m_libvirt_driver;
}

Deadline patience() {
  return Deadline::after(std::chrono::minutes(5));
}

std::unique_ptr<Machine> new_machine(PreparedEnvironment& environment, Isolation isolation) {
  return environment.machine("bench", isolation, patience(), CancelToken());
}

Output run_in(Machine& machine, const std::vector<std::string>& argv, const Stopwatch& stopwatch) {
  Output output;
  CommandIo io;
  io.output = [&](OutputStream, std::string_view bytes) {
    if (output.text.empty())
      output.first_byte = stopwatch.milliseconds();
    output.text += bytes;
  };
  Command command;
  command.argv = argv;
  const CommandResult result = machine.transport().run(command, io, patience(), CancelToken());
  if (!result.status.success())
    throw Error(ErrorCode::infrastructure, "'" + argv[0] + "' failed in the guest: " + output.text);
  return output;
}

}  // namespace nestbox::bench
