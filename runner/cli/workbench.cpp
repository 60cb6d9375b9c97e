#include "runner/cli/workbench.hpp"

#include <fmt/format.h>

#include "harness/base/text.hpp"

namespace nestbox {
namespace {

/// An empty file for each driver that was used.
fs::path use_mark(const std::string& driver) {
  return state_directory() / "used" / driver;
}

}  // namespace

Workbench::Workbench(const DriverRegistry& registry, Settings settings, Progress& progress)
    : m_registry(registry), m_settings(settings), m_progress(progress) {}

LayerCache& Workbench::cache() {
  std::lock_guard lock(m_mutex);
  if (!m_cache)
    m_cache.emplace(cache_directory());
  return *m_cache;
}

Driver& Workbench::driver(const std::string& name) {
  std::lock_guard lock(m_mutex);
  return *bench(name).driver;
}

Availability Workbench::availability(const std::string& name) {
  std::lock_guard lock(m_mutex);
  Bench& made = bench(name);
  if (!made.availability)
    made.availability = made.driver->availability();
  return *made.availability;
}

bool Workbench::was_used(const std::string& driver) {
  return fs::exists(use_mark(driver));
}

void Workbench::note_use(const std::string& driver) {
  const fs::path mark = use_mark(driver);
  if (fs::exists(mark))
    return;
  fs::create_directories(mark.parent_path());
  write_file_atomically(mark, "");
}

std::shared_ptr<PreparedEnvironment> Workbench::prepare(const std::string& driver,
                                                        const Environment& environment,
                                                        const fs::path& base_directory,
                                                        const CancelToken& cancel,
                                                        std::size_t interfaces) {
  note_use(driver);
  EnvironmentBuilder* builder;
  {
    std::lock_guard lock(m_mutex);
    Bench& made = bench(driver);
    if (!made.builder)
      made.builder.emplace(cache(), *made.driver, m_progress);
    builder = &*made.builder;
  }
  return builder->prepare(environment, base_directory, cancel, interfaces);
}

std::shared_ptr<PreparedTopology> Workbench::prepare(const std::string& driver,
                                                     const Definition& definition,
                                                     const Topology& topology,
                                                     const fs::path& base_directory,
                                                     const CancelToken& cancel) {
  note_use(driver);
  return prepare_topology({cache(), m_progress, cancel}, this->driver(driver), definition, topology,
                          base_directory);
}

Workbench::Bench& Workbench::bench(const std::string& name) {
  Bench& made = m_benches[name];
  if (!made.driver) {
    DriverSettings settings;
    settings.accelerator = m_settings.accelerator;
    settings.use_sudo = m_settings.use_sudo;
    settings.probe_guest = [this] {
      return EnvironmentBuilder::tiny_guest(cache(), m_progress, {});
    };
    made.driver = m_registry.make(name, settings);
  }
  return made;
}

std::string absence(const std::string& driver, const Availability& availability) {
  return fmt::format("{}: {}{}", driver, availability.reason,
                     availability.hint.empty() ? "" : " (" + availability.hint + ")");
}

std::string machine_driver_or_throw(Workbench& workbench, const std::string& asked) {
  if (asked != "auto") {
    workbench.driver(asked);
    return asked;
  }
  std::vector<std::string> reasons;
  for (const std::string& name : workbench.driver_names(Cost::guest)) {
    const Availability availability = workbench.availability(name);
    if (availability.available)
      return name;
    reasons.push_back(absence(name, availability));
  }
  throw Error(ErrorCode::unsupported, "no hypervisor works here: " + join(reasons, "; "),
              "see 'nestbox doctor'");
}

}  // namespace nestbox
