#include "runner/cli/cache.hpp"

#include <chrono>
#include <iostream>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "harness/base/text.hpp"
#include "harness/env/layer_cache.hpp"

namespace nestbox {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t k_shown_key = 12;
constexpr std::size_t k_shortest_key = 8;

std::string time_text(std::chrono::system_clock::time_point time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

Bytes total(const std::vector<LayerInfo>& layers) {
  Bytes sum;
  for (const LayerInfo& layer : layers)
    sum = sum + layer.size;
  return sum;
}

std::vector<std::string> matching_keys(const std::vector<LayerInfo>& layers,
                                       const std::string& wanted) {
  std::vector<std::string> keys;
  for (const LayerInfo& layer : layers)
    if (wanted == "all" || layer.key == wanted
        || (wanted.size() >= k_shortest_key && layer.key.starts_with(wanted)))
      keys.push_back(layer.key);
  if (wanted == "all")
    return keys;
  if (keys.empty())
    throw Error(ErrorCode::not_found, fmt::format("no cache entry '{}'", wanted),
                "see 'nestbox cache list'");
  if (keys.size() > 1)
    throw Error(ErrorCode::usage,
                fmt::format("'{}' is the beginning of {} entries", wanted, keys.size()),
                "write more of the key");
  return keys;
}

void print_json(const Json& json) {
  std::cout << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

}  // namespace

int list_cache(bool json) {
  const std::vector<LayerInfo> layers = LayerCache(cache_directory()).list();
  if (json) {
    Json entries = Json::array();
    for (const LayerInfo& layer : layers)
      entries.push_back({{"key", layer.key},
                         {"kind", layer.kind},
                         {"description", printable(layer.description)},
                         {"size", layer.size.count},
                         {"last_used", time_text(layer.last_used)}});
    print_json({{"version", 1},
                {"directory", cache_directory().string()},
                {"entries", std::move(entries)}});
    return 0;
  }
  for (const LayerInfo& layer : layers)
    std::cout << fmt::format("{}  {:<9}  {:>8}  {}  {}\n", layer.key.substr(0, k_shown_key),
                             layer.kind, format_bytes(layer.size), time_text(layer.last_used),
                             printable(layer.description));
  std::cout << fmt::format("{} entr{}, {} in {}\n", layers.size(), layers.size() == 1 ? "y" : "ies",
                           format_bytes(total(layers)), cache_directory().string());
  return 0;
}

int collect_cache(const std::string& keep, bool json) {
  const Bytes limit = value_or_throw(parse_bytes(keep));
  LayerCache cache(cache_directory());
  const Bytes freed = cache.collect_garbage(limit);
  const Bytes left = total(cache.list());
  if (json)
    print_json({{"version", 1}, {"freed", freed.count}, {"kept", left.count}});
  else
    std::cout << fmt::format("freed {}, kept {}\n", format_bytes(freed), format_bytes(left));
  return 0;
}

int verify_cache(bool json) {
  LayerCache cache(cache_directory());
  const std::vector<std::string> damaged = cache.verify();
  if (json)
    print_json({{"version", 1}, {"damaged", damaged}});
  else if (damaged.empty())
    std::cout << fmt::format("all {} entries are sound\n", cache.list().size());
  else
    std::cout << fmt::format("damaged and set aside, to be built again when needed:\n  {}\n",
                             join(damaged, "\n  "));
  return damaged.empty() ? 0 : 3;
}

int drop_from_cache(const std::vector<std::string>& keys, bool json) {
  LayerCache cache(cache_directory());
  const std::vector<LayerInfo> layers = cache.list();
  std::vector<std::string> dropped;
  for (const std::string& wanted : keys)
    for (const std::string& key : matching_keys(layers, wanted))
      dropped.push_back(key);
  for (const std::string& key : dropped)
    cache.drop(key);
  if (json)
    print_json({{"version", 1}, {"dropped", dropped}});
  else
    std::cout << fmt::format("dropped {} entr{}\n", dropped.size(),
                             dropped.size() == 1 ? "y" : "ies");
  return 0;
}

}  // namespace nestbox
