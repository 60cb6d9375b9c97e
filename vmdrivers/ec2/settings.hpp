#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/units.hpp"
#include "harness/vm/bounds.hpp"

namespace nestbox::ec2 {

/// One kind of machine that may be rented.
struct InstanceType {
  std::string name;  ///< "t3.small"
  MachineSize size;

  bool operator==(const InstanceType&) const = default;
};

/// What `ec2.yml` says; docs/drivers/ec2.md describes each.
struct Settings {
  std::string image;           ///< "ami-…"; empty: a machine's environment must name one
  std::string user = "admin";  ///< who enters by ssh; Windows' is "Administrator"
  int ssh_port = 22;
  bool sudo = true;
  bool windows = false;                    ///< its machines are of Windows
  std::string region;                      ///< empty: as AWS tools find it
  std::string subnet;                      ///< empty: the default one
  std::string allowed_from = "0.0.0.0/0";  ///< from where ssh is let in
  bool private_address = false;            ///< reach machines by their private address
  bool spot = false;
  std::vector<InstanceType> types;  ///< in the order in which they are tried
  int max_machines = 8;
  int max_cores = 32;
  Bytes max_memory = gibibytes(128);
  std::chrono::milliseconds start_limit = std::chrono::minutes(10);
  std::chrono::milliseconds time_to_live = std::chrono::hours(2);
  std::string user_data{};  ///< what instances run besides ours: a script, a #cloud-config
  int disk_gibibytes = 0;   ///< of the root volume; 0: as the image says

  bool operator==(const Settings&) const = default;
};

/// Reads the text of `ec2.yml`. Throws Error(definition) with the place of the first mistake.
Settings parse_settings(std::string_view text, const std::string& file);

/// $NESTBOX_EC2_CONFIG, or ~/.config/nestbox/ec2.yml.
std::filesystem::path settings_file();

/// The file's; the defaults when there is none. Throws Error(io), Error(definition).
Settings load_settings();

/// What the types and `max_…` let through, as a plan has to know it: types that are larger than
/// allowed are none.
Bounds bounds(const Settings& settings);

/// The types that are allowed and have at least so much, in their order. Error(unsupported) when
/// none has.
std::vector<InstanceType> fitting_types(const Settings& settings, const MachineSize& least);

}  // namespace nestbox::ec2
