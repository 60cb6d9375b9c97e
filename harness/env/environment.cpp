#include "harness/env/environment.hpp"

#include <fmt/format.h>

#include "harness/base/text.hpp"
#include "harness/env/container_image.hpp"
#include "harness/env/debian_image.hpp"
#include "harness/env/environment_steps.hpp"
#include "harness/env/forked_environment.hpp"
#include "harness/env/guest_image.hpp"
#include "harness/env/initramfs_layer.hpp"
#include "harness/env/kernel_layer.hpp"
#include "harness/env/live_layers.hpp"
#include "harness/model/name_rules.hpp"

namespace nestbox {
namespace {

/// Script mode: a driver whose "machines" are places on this host has nothing to build.
class PlainEnvironment final : public PreparedEnvironment {
public:
  PlainEnvironment(Environment environment, Driver& driver)
      : m_environment(std::move(environment)), m_driver(driver) {}

  const Environment& definition() const override { return m_environment; }

  std::unique_ptr<Machine> machine(const MachineOptions& options, Deadline deadline,
                                   const CancelToken& cancel) override {
    MachineSpec spec;
    spec.name = options.name;
    spec.windows = m_environment.windows;
    return m_driver.boot(spec, {.cables = options.cables}, deadline, cancel);
  }

  std::string content() const override { return {}; }

  std::optional<Snapshot> template_snapshot() const override { return std::nullopt; }

private:
  Environment m_environment;
  Driver& m_driver;
};

/// Where an image is a driver's own, nobody but the machine itself can install packages.
Environment with_packages_as_step(Environment environment) {
  if (environment.packages.empty() || is_driver_image(environment.image))
    return environment;
  const std::string script = fmt::format("export DEBIAN_FRONTEND=noninteractive\n"
                                         "apt-get -q update\n"
                                         "apt-get -qy --no-install-recommends install {}\n",
                                         join(debian_image(environment).packages, " "));
  environment.packages.clear();
  environment.steps.insert(environment.steps.begin(), RunStep{script});
  return environment;
}

}  // namespace

EnvironmentBuilder::EnvironmentBuilder(LayerCache& cache, Driver& driver, Progress& progress)
    : m_cache(cache), m_driver(driver), m_progress(progress) {}

std::shared_ptr<PreparedEnvironment> EnvironmentBuilder::prepare(const Environment& environment,
                                                                 const fs::path& base_directory,
                                                                 const CancelToken& cancel,
                                                                 std::size_t interfaces) {
  const Capabilities capabilities = m_driver.capabilities();
  check_image(environment, capabilities.boots);
  if (capabilities.boots == Boots::host)
    return std::make_shared<PlainEnvironment>(environment, m_driver);

  const BuildContext context{m_cache, m_progress, cancel};
  const bool own_image = capabilities.boots == Boots::image && capabilities.machine;
  EnvironmentSteps steps(own_image ? with_packages_as_step(environment) : environment,
                         base_directory);
  GuestImage image = capabilities.boots == Boots::image
                         ? container_image(context, m_driver, environment, base_directory)
                         : guest_image(context, environment, base_directory, interfaces);
  std::vector<Layer> live;
  if (capabilities.fork)
    live = live_layers(context, m_driver, environment, image, steps);
  return make_forked_environment(m_cache, m_driver, environment, std::move(image), std::move(steps),
                                 std::move(live));
}

std::pair<fs::path, fs::path> EnvironmentBuilder::tiny_guest(LayerCache& cache, Progress& progress,
                                                             const CancelToken& cancel) {
  const BuildContext context{cache, progress, cancel};
  const Layer kernel = kernel_layer(context, k_default_suite);
  const Layer initramfs = initramfs_layer(context, kernel);
  return {kernel.directory() / "vmlinuz", initramfs.directory() / "tiny.cpio"};
}

}  // namespace nestbox
