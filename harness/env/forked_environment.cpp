#include "harness/env/forked_environment.hpp"

#include <fmt/format.h>

#include <atomic>

#include "harness/base/hash.hpp"
#include "harness/base/log.hpp"
#include "harness/env/machine_identity.hpp"
#include "harness/env/settle.hpp"
#include "harness/vm/snapshot.hpp"

namespace nestbox {
namespace {

class ForkedEnvironment final : public PreparedEnvironment {
public:
  ForkedEnvironment(LayerCache& cache, Driver& driver, const Environment& environment,
                    GuestImage image, EnvironmentSteps steps, std::vector<Layer> live)
      : m_cache(cache), m_driver(driver), m_environment(environment), m_image(std::move(image)),
        m_steps(std::move(steps)), m_live(std::move(live)) {
    if (!m_live.empty())
      m_template = load_snapshot(m_live.back().directory());
  }

  const Environment& definition() const override { return m_environment; }

  std::unique_ptr<Machine> machine(const MachineOptions& options, Deadline deadline,
                                   const CancelToken& cancel) override {
    if (options.isolation == Isolation::fork && m_template && !m_template_dead) {
      try {
        auto machine = m_driver.fork(*m_template,
                                     {.name = options.name,
                                      .save_directory = options.save_directory,
                                      .cables = options.cables},
                                     deadline, cancel);
        machine->transport().thaw(identity_of(options), deadline);
        return machine;
      } catch (const Error& error) {
        if (error.code != ErrorCode::lost && fs::exists(m_template->directory))
          throw;
        give_up_template(error);
      }
    }
    return cold_machine(options, deadline, cancel);
  }

  std::string content() const override {
    Sha256 hash;
    hash.field("image", m_image.key);
    for (std::size_t index = 0; index < m_steps.count(); ++index)
      hash.field("step", m_steps.key(index));
    if (!m_live.empty())
      hash.field("template", m_live.back().content());
    return hash.hex();
  }

  std::optional<Snapshot> template_snapshot() const override { return m_template; }

private:
  void give_up_template(const Error& why) {
    if (m_template_dead.exchange(true))
      return;
    m_cache.drop(m_live.back().key());
    log(LogLevel::warning,
        fmt::format(
            "the template of environment '{}' does not come back to life and is dropped; its "
            "machines boot cold: {}",
            m_environment.name, why.message));
  }

  std::unique_ptr<Machine> cold_machine(const MachineOptions& options, Deadline deadline,
                                        const CancelToken& cancel) {
    MachineSpec spec = m_image.spec;
    spec.name = options.name;
    spec.save_directory = options.save_directory;
    const bool saved_disk = m_template && !m_template_dead && m_template->spec.disk;
    if (saved_disk) {
      spec.disk = m_template->spec.disk;
      spec.disk_format = m_template->spec.disk_format;
    }
    auto machine = m_driver.boot(spec, {.cables = options.cables}, deadline, cancel);
    machine->transport().thaw(identity_of(options), deadline);
    settle(*machine, m_environment, cancel);
    SilentProgress silence;
    for (std::size_t index = 0; !saved_disk && index < m_steps.count(); ++index)
      m_steps.apply(index, *machine, silence, deadline, cancel);
    return machine;
  }

  LayerCache& m_cache;
  Driver& m_driver;
  Environment m_environment;
  GuestImage m_image;
  EnvironmentSteps m_steps;
  std::vector<Layer> m_live;
  std::optional<Snapshot> m_template;
  std::atomic<bool> m_template_dead = false;
};

}  // namespace

std::shared_ptr<PreparedEnvironment>
make_forked_environment(LayerCache& cache, Driver& driver, const Environment& environment,
                        GuestImage image, EnvironmentSteps steps, std::vector<Layer> live) {
  return std::make_shared<ForkedEnvironment>(cache, driver, environment, std::move(image),
                                             std::move(steps), std::move(live));
}

}  // namespace nestbox
