#include "benchmarks/child.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "benchmarks/sample.hpp"
#include "harness/base/error.hpp"
#include "harness/base/pipe.hpp"
#include "harness/base/text.hpp"

namespace nestbox::bench {

namespace {

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& each : strings)
    result.push_back(each.data());
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> environment_with(const std::map<std::string, std::string>& variables) {
  std::vector<std::string> result;
  for (char** each = environ; *each; ++each) {
    const std::string entry = *each;
    if (!variables.contains(entry.substr(0, entry.find('='))))
      result.push_back(entry);
  }
  for (const auto& [name, value] : variables)
    result.push_back(name + "=" + value);
  return result;
}

double milliseconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
}

std::string beginning_of(const FileDescriptor& file) {
  std::array<char, 4096> buffer;
  const ssize_t count = pread(file.get(), buffer.data(), buffer.size(), 0);
  return count > 0 ? printable({buffer.data(), static_cast<std::size_t>(count)}) : std::string();
}

}  // namespace

ChildReport run_child(const std::vector<std::string>& argv,
                      const std::filesystem::path& working_directory,
                      const std::map<std::string, std::string>& variables) {
  Pipe pipe;
  const FileDescriptor diagnostics(memfd_create("diagnostics", MFD_CLOEXEC));

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const ScopeExit destroy([&] { posix_spawn_file_actions_destroy(&actions); });
  posix_spawn_file_actions_addchdir_np(&actions, working_directory.c_str());
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, pipe.writing.get(), 1);
  posix_spawn_file_actions_adddup2(&actions, diagnostics.get(), 2);

  std::vector<std::string> arguments = argv;
  std::vector<std::string> environment = environment_with(variables);
  ChildReport report;
  pid_t pid = -1;
  const Stopwatch stopwatch;
  if (const int error = posix_spawnp(&pid, argv[0].c_str(), &actions, nullptr,
                                     pointers(arguments).data(), pointers(environment).data()))
    throw system_error("cannot start '" + argv[0] + "'", error);
  pipe.writing.close();

  std::array<char, 65536> buffer;
  ssize_t count = 0;
  while ((count = read(pipe.reading.get(), buffer.data(), buffer.size())) > 0) {
    if (report.output.empty())
      report.first_byte = stopwatch.milliseconds();
    report.output.append(buffer.data(), static_cast<std::size_t>(count));
  }
  int status = 0;
  rusage usage{};
  wait4(pid, &status, 0, &usage);
  report.wall = stopwatch.milliseconds();
  report.cpu = milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime);
  report.peak_memory = static_cast<double>(usage.ru_maxrss) * 1024 / 1e6;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw Error(ErrorCode::infrastructure, "'" + argv[0] + "' failed", beginning_of(diagnostics));
  return report;
}

}  // namespace nestbox::bench
