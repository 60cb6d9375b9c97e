#include "runner/cli/cache_exchange.hpp"

#include <atomic>
#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "harness/base/log.hpp"
#include "harness/base/text.hpp"
#include "harness/blob/blob_store.hpp"
#include "harness/env/layer_exchange.hpp"
#include "harness/vm/snapshot.hpp"
#include "runner/cli/interrupts.hpp"
#include "runner/cli/plain_progress.hpp"
#include "runner/cli/run.hpp"
#include "runner/cli/workbench.hpp"

namespace nestbox {
namespace {

using Json = nlohmann::ordered_json;

/// What one exchange works with.
struct Session {
  Session(const ExchangeOptions& options, const DriverRegistry& drivers)
      : store(open_blob_store(options.store)),
        workbench(drivers, {options.accelerator, false}, progress),
        exchange(*store, exchange_scratch(), exchange_notes()) {}

  /// Makes the environments ready, in the cache as it is.
  void prepare(const ExchangeOptions& options) {
    const Suite suite = discover_or_throw({}, {});
    std::vector<std::string> known;
    for (const auto& [name, environment] : suite.definition.environments)
      known.push_back(name);
    for (const std::string& name : options.environments)
      if (!suite.definition.environments.contains(name)) {
        const std::string near = did_you_mean(name, known);
        throw Error(ErrorCode::not_found, fmt::format("no environment '{}'", name),
                    near.empty() ? "there are " + join(known, ", ") : near);
      }
    const std::string driver = machine_driver_or_throw(workbench, options.driver);
    for (const std::string& name : options.environments)
      workbench.prepare(driver, suite.definition.environments.at(name), suite.root, cancel.token());
  }

  Interrupts interrupts;
  CancelSource cancel;
  Interrupts::Handling handling{interrupts, [this] { cancel.cancel(); }};
  PlainProgress progress;
  std::unique_ptr<BlobStore> store;
  Workbench workbench;
  LayerExchange exchange;
};

std::string short_key(const std::string& key) {
  return key.substr(0, 12);
}

void print(bool json, const Json& document, const std::string& text) {
  if (json)
    std::cout << document.dump(2) << '\n';
  else
    std::cout << text << '\n';
}

/// Tells the drivers that other hosts are given the layer.
void share(const Layer& layer, Workbench& workbench) {
  if (!fs::exists(layer.directory() / k_snapshot_file))
    return;
  const Snapshot snapshot = load_snapshot(layer.directory());
  for (const std::string& name : workbench.driver_names())
    if (const Result<void> told = catch_error([&] { workbench.driver(name).share(snapshot); });
        !told)
      log(LogLevel::warning,
          fmt::format("what layer {} needs of driver '{}' may be gone one day: {}",
                      short_key(layer.key()), name, told.error().message));
}

}  // namespace

fs::path exchange_scratch() {
  return cache_directory() / "exchange";
}

fs::path exchange_notes() {
  return state_directory() / "puts";
}

int push_cache(const ExchangeOptions& options, const DriverRegistry& drivers) {
  Session session(options, drivers);
  LayerCache& cache = session.workbench.cache();
  std::vector<std::string> keys;
  if (options.environments.empty()) {
    for (const LayerInfo& layer : cache.list())
      keys.push_back(layer.key);
  } else {
    session.prepare(options);
    keys = cache.used();
  }
  int pushed = 0;
  for (const std::string& key : keys) {
    const std::optional<Layer> layer = cache.find(key);
    if (!layer)
      continue;  // dropped meanwhile, or damaged and set aside: said by then
    const std::string activity = fmt::format("pushing layer {}", short_key(key));
    session.progress.started(activity);
    share(*layer, session.workbench);
    pushed += session.exchange.push(*layer, session.cancel.token());
    session.progress.finished(activity);
  }
  print(options.json, {{"version", 1}, {"pushed", pushed}, {"layers", keys.size()}},
        fmt::format("pushed {} of {} layers to {}; it had the others", pushed, keys.size(),
                    session.store->description()));
  return 0;
}

int pull_cache(const ExchangeOptions& options, const DriverRegistry& drivers) {
  Session session(options, drivers);
  LayerCache& cache = session.workbench.cache();
  std::atomic<int> pulled = 0;
  const auto fetch = [&](const std::string& key, const LayerRecord& record,
                         const fs::path& staging) {
    const std::string activity = fmt::format("fetching layer {}: {}", short_key(key),
                                             printable(record.manifest.description));
    session.progress.started(activity);
    session.exchange.fetch(record, staging, session.cancel.token());
    session.progress.finished(activity);
    ++pulled;
  };
  std::size_t wanted = 0;
  if (options.environments.empty()) {
    for (const std::string& key : session.exchange.keys(session.cancel.token())) {
      ++wanted;
      if (cache.find(key))
        continue;
      const std::optional<LayerRecord> record = session.exchange.find(key, session.cancel.token());
      if (!record)
        continue;  // removed from the store meanwhile
      cache.find_or_build({.key = key,
                           .kind = record->manifest.kind,
                           .description = record->manifest.description,
                           .build = [&](const fs::path& staging) { fetch(key, *record, staging); }},
                          session.cancel.token());
    }
  } else {
    cache.set_source([&](const std::string& key, const fs::path& staging) {
      const std::optional<LayerRecord> record = session.exchange.find(key, session.cancel.token());
      if (record)
        fetch(key, *record, staging);
      return record.has_value();
    });
    session.prepare(options);
    wanted = cache.used().size();
  }
  print(options.json, {{"version", 1}, {"pulled", pulled.load()}, {"layers", wanted}},
        fmt::format("fetched {} of {} layers from {}", pulled.load(), wanted,
                    session.store->description()));
  return 0;
}

int link_cache(const ExchangeOptions& options, const DriverRegistry& drivers) {
  const auto lifetime = std::chrono::duration_cast<std::chrono::seconds>(
      value_or_throw(parse_duration(options.lifetime)));
  if (!options.store.starts_with("s3://"))
    throw Error(
        ErrorCode::usage,
        fmt::format("'{}' is no bucket: nothing links to what it holds", printable(options.store)),
        "write s3://bucket/prefix");
  Session session(options, drivers);
  std::vector<std::string> keys;
  if (options.environments.empty()) {
    keys = session.exchange.keys(session.cancel.token());
  } else {
    session.prepare(options);
    keys = session.workbench.cache().used();
  }
  std::cout << to_json(session.exchange.links(keys, lifetime, session.cancel.token()));
  return 0;
}

}  // namespace nestbox
