#include "harness/env/build_namespace.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "harness/base/log.hpp"
#include "harness/base/text.hpp"
#include "harness/env/host_tool.hpp"

namespace nestbox {
namespace {

// Below this a build goes to disk: slower, but a set of packages of any size fits.
constexpr Bytes k_enough_memory = gibibytes(4);
constexpr const char* k_prelude = R"(
size=$1; shift
mkdir -p tmp
[ "$size" = 0 ] || mount -t tmpfs -o "mode=755,size=$size" nestbox tmp
export TMPDIR="$PWD/tmp" PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
)";

Bytes available_memory() {
  for (const std::string& line : split(read_file("/proc/meminfo", kibibytes(64)), '\n'))
    if (line.starts_with("MemAvailable:"))
      return kibibytes(std::stoull(line.substr(std::string_view("MemAvailable:").size())));
  return {};
}

std::vector<std::string> namespace_command() {
  std::vector<std::string> argv = {"unshare", "--mount", "--pid", "--fork", "--kill-child"};
  if (::geteuid() != 0)
    argv.insert(argv.end(), {"--user", "--map-root-user", "--map-auto"});
  argv.push_back("--");
  return argv;
}

void run(const fs::path& directory, Bytes memory, const std::string& script,
         const std::vector<std::string>& arguments, Deadline deadline,
         const BuildContext& context) {
  std::vector<std::string> argv = namespace_command();
  argv.insert(argv.end(),
              {"sh", "-e", "-c", k_prelude + script, "nestbox", std::to_string(memory.count)});
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  run_tool({.argv = std::move(argv), .working_directory = directory}, context.progress, deadline,
           context.cancel);
}

}  // namespace

void run_in_build_namespace(const fs::path& directory, const std::string& script,
                            const std::vector<std::string>& arguments, Deadline deadline,
                            const BuildContext& context) {
  require_tool("unshare", "util-linux");
  if (::geteuid() != 0)
    require_tool("newuidmap", "uidmap");
  const Bytes memory = available_memory();
  if (memory >= k_enough_memory) {
    try {
      return run(directory, {memory.count / 4 * 3}, script, arguments, deadline, context);
    } catch (const Error& error) {
      if (error.message.find("No space left on device") == std::string::npos)
        throw;
      log(LogLevel::warning, "the build does not fit in memory: once more on disk");
    }
  }
  run(directory, {}, script, arguments, deadline, context);
}

void remove_build_tree(const fs::path& directory) noexcept {
  remove_tree(directory);
  std::error_code error;
  if (::geteuid() == 0 || !fs::exists(fs::symlink_status(directory, error)))
    return;
  try {
    std::vector<std::string> argv = namespace_command();
    argv.insert(argv.end(), {"rm", "-rf", "--", directory.string()});
    run_checked({.argv = std::move(argv), .whole_tree = true},
                Deadline::after(std::chrono::minutes(5)));
  } catch (const Error& failure) {
    log(LogLevel::warning,
        fmt::format("cannot remove '{}': {}", directory.string(), failure.message));
  }
}

}  // namespace nestbox
