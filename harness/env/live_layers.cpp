#include "harness/env/live_layers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "harness/base/hash.hpp"
#include "harness/base/log.hpp"
#include "harness/env/machine_identity.hpp"
#include "harness/env/settle.hpp"
#include "harness/vm/snapshot.hpp"

namespace nestbox {
namespace {

constexpr const char* k_format = "2";
constexpr const char* k_template_hostname = "nestbox";
constexpr std::chrono::milliseconds k_boot_limit = std::chrono::minutes(5);
constexpr auto k_save_limit = std::chrono::minutes(5);
constexpr auto k_step_limit = std::chrono::hours(2);

std::string machine_name(const Environment& environment) {
  std::random_device random;
  return fmt::format("{}-template-{:08x}", environment.name, random());
}

Deadline boot_deadline(const Driver& driver) {
  return Deadline::after(std::max(k_boot_limit, driver.capabilities().start_limit));
}

/// Saves it into its own save_directory.
void save(std::unique_ptr<Machine> machine, const Environment& environment,
          const CancelToken& cancel) {
  settle_for_save(*machine, environment, cancel);
  machine->transport().quiesce(Deadline::after(k_save_limit));
  machine->save(Deadline::after(k_save_limit));
}

/// With a snapshot in it; built when absent.
Layer saved_layer(const BuildContext& context, Driver& driver, const LayerCache::Recipe& recipe) {
  Layer layer = context.cache.find_or_build(recipe, context.cancel);
  driver.keep(load_snapshot(layer.directory()));
  return layer;
}

Layer booted_layer(const BuildContext& context, Driver& driver, const Environment& environment,
                   const GuestImage& image) {
  const std::string key = Sha256()
                              .field("layer", "live")
                              .field("format", k_format)
                              .field("driver", driver.name())
                              .field("host", driver.snapshot_key())
                              .field("image", image.key)
                              .hex();
  const auto build = [&](const fs::path& staging) {
    const Activity activity(context.progress,
                            fmt::format("booting environment '{}'", environment.name));
    MachineSpec spec = image.spec;
    spec.name = machine_name(environment);
    spec.save_directory = staging;
    auto machine = driver.boot(spec, {}, boot_deadline(driver), context.cancel);
    machine->transport().thaw(fresh_identity(k_template_hostname), Deadline::after(k_boot_limit));
    save(std::move(machine), environment, context.cancel);
  };
  return saved_layer(
      context, driver,
      {.key = key,
       .kind = "live",
       .description = fmt::format("{} booted, {}, {} cores", environment.image,
                                  format_bytes(environment.memory), environment.cores),
       .build = build});
}

Layer step_layer(const BuildContext& context, Driver& driver, const Environment& environment,
                 const EnvironmentSteps& steps, std::size_t index, const Layer& former) {
  const std::string key = Sha256()
                              .field("layer", "live step")
                              .field("former", former.key())
                              .field("former content", former.content())
                              .field("step", steps.key(index))
                              .hex();
  const std::string what =
      fmt::format("environment '{}', {}", environment.name, steps.description(index));
  const auto build = [&](const fs::path& staging) {
    const Activity activity(context.progress, "building " + what);
    std::unique_ptr<Machine> machine;
    try {
      machine = driver.fork(
          load_snapshot(former.directory()),
          {.name = machine_name(environment), .paused = false, .save_directory = staging},
          boot_deadline(driver), context.cancel);
      machine->transport().thaw(fresh_identity(k_template_hostname), Deadline::after(k_boot_limit));
    } catch (const Error& error) {
      if (error.code == ErrorCode::lost)
        context.cache.drop(former.key());
      throw;
    }
    steps.apply(index, *machine, context.progress, Deadline::after(k_step_limit), context.cancel);
    save(std::move(machine), environment, context.cancel);
  };
  return saved_layer(context, driver,
                     {.key = key, .kind = "live", .description = what, .build = build});
}

}  // namespace

std::vector<Layer> live_layers(const BuildContext& context, Driver& driver,
                               const Environment& environment, const GuestImage& image,
                               const EnvironmentSteps& steps) {
  for (std::size_t rebuilt = 0;; ++rebuilt) {
    try {
      std::vector<Layer> layers;
      layers.push_back(booted_layer(context, driver, environment, image));
      for (std::size_t index = 0; index < steps.count(); ++index)
        layers.push_back(step_layer(context, driver, environment, steps, index, layers.back()));
      return layers;
    } catch (const Error& error) {
      if (error.code != ErrorCode::lost || rebuilt == steps.count())
        throw;
      log(LogLevel::warning,
          fmt::format(
              "a snapshot of environment '{}' did not come back to life and is built anew: {}",
              environment.name, error.message));
    }
  }
}

}  // namespace nestbox
