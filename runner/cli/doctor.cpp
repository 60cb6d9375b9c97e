#include "runner/cli/doctor.hpp"

#include <sys/statvfs.h>

#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "harness/base/subprocess.hpp"
#include "harness/base/text.hpp"
#include "runner/cli/plain_progress.hpp"
#include "runner/cli/workbench.hpp"

namespace nestbox {
namespace {

using Json = nlohmann::ordered_json;

struct Tool {
  const char* name;
  const char* package;
  const char* purpose;
};

constexpr Tool k_tools[] = {
    {"qemu-system-x86_64", "qemu-system-x86", "runs the machines"},
    {"qemu-img", "qemu-utils", "makes disks"},
    {"mmdebstrap", "mmdebstrap", "builds Debian images"},
    {"mke2fs", "e2fsprogs", "makes file systems"},
    {"busybox", "busybox-static", "is the tiny environment's userland"},
};

Json describe_driver(Workbench& workbench, const std::string& name, bool& machines) {
  Driver& driver = workbench.driver(name);
  const Result<Availability> asked = catch_error([&] { return workbench.availability(name); });
  const Availability availability =
      asked ? *asked : Availability{false, asked.error().message, asked.error().hint};
  const Capabilities capabilities = driver.capabilities();
  machines = machines || (availability.available && capabilities.machine);
  Json json = {{"name", name},
               {"available", availability.available},
               {"reason", printable(availability.reason)},
               {"details", Json::array()},
               {"hint", printable(availability.hint)},
               {"acceleration", availability.acceleration},
               {"capabilities",
                {{"machine", capabilities.machine},
                 {"fork", capabilities.fork},
                 {"network", capabilities.network},
                 {"ethernet", capabilities.ethernet},
                 {"peers", capabilities.peers},
                 {"nested", capabilities.nested},
                 {"terminal", capabilities.terminal},
                 {"docker", capabilities.docker},
                 {"linux", capabilities.linux_machines},
                 {"windows", capabilities.windows_machines}}}};
  for (const std::string& detail : availability.details)
    json["details"].push_back(printable(detail));
  if (availability.available && capabilities.machine) {
    const Result<double> slowdown = catch_error([&] { return driver.slowdown(); });
    json["slowdown"] = slowdown ? Json(*slowdown) : Json();
  }
  return json;
}

Json describe_tools() {
  Json tools = Json::array();
  for (const Tool& tool : k_tools) {
    const std::optional<fs::path> found = find_program(tool.name);
    tools.push_back({{"name", tool.name},
                     {"path", found ? Json(found->string()) : Json()},
                     {"purpose", tool.purpose},
                     {"hint", found ? "" : fmt::format("apt-get install {}", tool.package)}});
  }
  return tools;
}

Json describe_cache(Workbench& workbench) {
  Bytes size;
  const std::vector<LayerInfo> layers = workbench.cache().list();
  for (const LayerInfo& layer : layers)
    size = size + layer.size;
  struct statvfs disk {};
  const bool known = ::statvfs(cache_directory().c_str(), &disk) == 0;
  return {
      {"directory", cache_directory().string()},
      {"entries", layers.size()},
      {"size", size.count},
      {"free", known ? Json(static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize) : Json()}};
}

std::string with_hint(const Json& entry) {
  const std::string hint = entry["hint"];
  return hint.empty() ? "" : fmt::format("\n{:<13}hint: {}", "", hint);
}

/// Further lines under the first.
std::string indented(const std::string& lines) {
  return join(split(lines, '\n'), fmt::format("\n{:<15}", ""));
}

void print_for_a_person(const Json& report) {
  std::cout << "nestbox " << report["program_version"].get<std::string>() << "\n\n";
  for (const Json& driver : report["drivers"]) {
    std::cout << fmt::format("driver       {} {}: {}{}\n", driver["name"].get<std::string>(),
                             driver["available"] ? "works" : "does not work",
                             driver["reason"].get<std::string>(), with_hint(driver));
    for (const Json& detail : driver["details"])
      std::cout << fmt::format("{:<13}{}\n", "", indented(detail.get<std::string>()));
    if (driver.contains("slowdown") && driver["slowdown"].is_number())
      std::cout << fmt::format(
          "{:<13}a busy guest takes {:.1f} x the host's time; timeouts scale with it\n", "",
          driver["slowdown"].get<double>());
  }
  for (const Json& tool : report["tools"])
    std::cout << fmt::format("tool         {} {}{}\n", tool["name"].get<std::string>(),
                             tool["path"].is_null() ? fmt::format(
                                 "is absent (it {})", tool["purpose"].get<std::string>())
                                                    : tool["path"].get<std::string>(),
                             with_hint(tool));
  const Json& cache = report["cache"];
  std::cout << fmt::format("cache        {}: {} entries, {}", cache["directory"].get<std::string>(),
                           cache["entries"].get<std::size_t>(),
                           format_bytes({cache["size"].get<std::uint64_t>()}));
  if (!cache["free"].is_null())
    std::cout << fmt::format(", {} free on the disk",
                             format_bytes({cache["free"].get<std::uint64_t>()}));
  std::cout << "\n\n"
            << (report["machines"].get<bool>()
                    ? "Machines are to be had: try 'nestbox run -- uname -a'.\n"
                    : "No machines are to be had here: 'nestbox run' runs tests on this host, each "
                      "in its own copy of "
                      "the tree, and skips those that need a machine.\n");
}

}  // namespace

int run_doctor(bool json, AcceleratorPolicy accelerator, const DriverRegistry& drivers) {
  PlainProgress progress;
  Workbench workbench(drivers, {accelerator, false}, progress);
  bool machines = false;
  Json report = {{"version", 1}, {"program_version", NESTBOX_VERSION}};
  report["drivers"] = Json::array();
  for (const std::string& name : workbench.driver_names())
    report["drivers"].push_back(describe_driver(workbench, name, machines));
  report["tools"] = describe_tools();
  report["cache"] = describe_cache(workbench);
  report["machines"] = machines;
  if (json)
    std::cout << report.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
  else
    print_for_a_person(report);
  return machines ? 0 : 3;
}

}  // namespace nestbox
