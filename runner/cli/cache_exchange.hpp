#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "harness/vm/driver_registry.hpp"

namespace nestbox {

/// Which layers to exchange with a store, and how the environments are made.
struct ExchangeOptions {
  std::string store;                      ///< as open_blob_store has it
  std::vector<std::string> environments;  ///< none: every layer that there is
  std::string driver = "auto";
  AcceleratorPolicy accelerator = AcceleratorPolicy::prefer;
  std::string lifetime = "12h";  ///< of links
  bool json = false;
};

/// `nestbox cache push`: stores the layers of the environments that are named, building what they
/// lack first, or all of the cache. Throws Error.
int push_cache(const ExchangeOptions& options, const DriverRegistry& drivers);

/// `nestbox cache pull`: makes the environments that are named ready from what the store has,
/// building the rest, or fetches all that it has. Throws Error.
int pull_cache(const ExchangeOptions& options, const DriverRegistry& drivers);

/// `nestbox cache link`: writes to stdout a file of links, by which whoever has it can pull the
/// layers of the environments that are named, as push takes them, or all that the bucket has.
/// Throws Error.
int link_cache(const ExchangeOptions& options, const DriverRegistry& drivers);

/// Where archives are while layers are exchanged (base/staged_path.hpp), and where it is noted
/// which of them are being stored (blob/noted_put.hpp). Throw Error(io).
std::filesystem::path exchange_scratch();
std::filesystem::path exchange_notes();

}  // namespace nestbox
