#include "tests/support/nestbox_program.hpp"

#include <fcntl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdlib>
#include <nlohmann/json.hpp>

namespace nestbox {
namespace {

std::string own_variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// Layers that need no machine to build: all that the tiny guest boots from.
bool is_tiny_image(const fs::path& layer) {
  const std::string kind = nlohmann::json::parse(read_file(layer / "layer.json")).at("kind");
  return kind == "kernel" || kind == "initramfs";
}

void copy_tiny_image(const fs::path& from, const fs::path& into) {
  fs::create_directories(into / "layers");
  for (const fs::directory_entry& layer : fs::directory_iterator(from / "layers")) {
    if (is_tiny_image(layer.path()))
      fs::copy(layer.path(), into / "layers" / layer.path().filename(),
               fs::copy_options::recursive);
  }
  fs::copy_file(from / "accelerator.json", into / "accelerator.json");
}

std::vector<pid_t> processes_marked(const std::string& mark) {
  std::vector<pid_t> found;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos)
      continue;
    Result<std::string> environment =
        catch_error([&] { return read_file(entry.path() / "environ"); });
    if (environment && environment->find(mark) != std::string::npos)
      found.push_back(std::stoi(name));
  }
  return found;
}

FileDescriptor open_pidfd(pid_t pid) {
  return FileDescriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

}  // namespace

NestboxProgram::NestboxProgram(Cache cache)
    : m_home("nestbox-test"), m_mark("NESTBOX_TEST_WORLD=" + m_home.path().string()) {
  const fs::path shared = fs::path(NESTBOX_TEST_CACHE);
  fs::create_directories(shared / "nestbox");
  const fs::path cache_home = cache == Cache::shared ? shared : home() / "cache";
  m_cache = cache_home / "nestbox";
  if (cache == Cache::image)
    copy_tiny_image(shared / "nestbox", m_cache);
  fs::create_directories(home() / "tmp");
  working_directory = home() / "work";
  fs::create_directories(working_directory);
  environment = {{"HOME", home()},
                 {"PATH", own_variable("PATH")},
                 {"LANG", "C.UTF-8"},
                 {"TMPDIR", home() / "tmp"},
                 {"XDG_CACHE_HOME", cache_home},
                 {"XDG_STATE_HOME", home() / "state"},
                 {"LIBVIRT_AUTOSTART", "0"},
                 {"NESTBOX_TEST_WORLD", home()}};
}

NestboxProgram::~NestboxProgram() = default;

fs::path NestboxProgram::newest_run() const {
  return fs::canonical(home() / "state/nestbox/runs/latest");
}

fs::path NestboxProgram::write_script(const std::string& name, const std::string& text) const {
  const fs::path path = working_directory / name;
  fs::create_directories(path.parent_path());
  write_file_atomically(path, text);
  fs::permissions(path, fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec);
  return path;
}

ProcessSpec NestboxProgram::spec(std::vector<std::string> arguments) const {
  ProcessSpec spec;
  spec.argv = std::move(arguments);
  spec.argv.insert(spec.argv.begin(), NESTBOX_PROGRAM);
  spec.working_directory = working_directory;
  spec.environment = environment;
  return spec;
}

Captured NestboxProgram::run(std::vector<std::string> arguments, std::chrono::seconds limit) const {
  return run_captured(spec(std::move(arguments)), Deadline::after(limit));
}

std::vector<std::string> NestboxProgram::processes() const {
  std::vector<std::string> lines;
  for (pid_t pid : processes_marked(m_mark)) {
    std::string line = catch_error([&] {
                         return read_file(fs::path("/proc") / std::to_string(pid) / "cmdline");
                       }).value_or("");
    for (char& byte : line)
      byte = byte ? byte : ' ';
    if (!line.empty())
      lines.push_back(std::to_string(pid) + " " + line);
  }
  return lines;
}

bool NestboxProgram::processes_gone(std::chrono::seconds limit) const {
  const Deadline deadline = Deadline::after(limit);
  for (;;) {
    const std::vector<pid_t> living = processes_marked(m_mark);
    if (living.empty())
      return true;
    for (pid_t pid : living) {
      const FileDescriptor ended = open_pidfd(pid);
      if (ended && wait_readable(ended.get(), deadline) == Wait::timed_out)
        return false;
    }
  }
}

RunningNestbox::RunningNestbox(const NestboxProgram& program, std::vector<std::string> arguments)
    : RunningNestbox(program, std::move(arguments), Pipe()) {}

RunningNestbox::RunningNestbox(const NestboxProgram& program, std::vector<std::string> arguments,
                               Pipe pipe)
    : m_read(std::move(pipe.reading)), m_process([&] {
        ProcessSpec spec = program.spec(std::move(arguments));
        spec.descriptors = {{1, pipe.writing.get()}, {2, pipe.writing.get()}};
        return Process::spawn(spec);
      }()) {}

bool RunningNestbox::read_some(Deadline deadline) {
  if (wait_readable(m_read.get(), deadline) != Wait::ready)
    return false;
  char buffer[65536];
  const ssize_t count = ::read(m_read.get(), buffer, sizeof buffer);
  if (count <= 0)
    return false;
  m_output.append(buffer, static_cast<std::size_t>(count));
  return true;
}

bool RunningNestbox::wait_for(const std::string& text, std::chrono::seconds limit) {
  const Deadline deadline = Deadline::after(limit);
  while (m_output.find(text) == std::string::npos) {
    if (!read_some(deadline))
      return false;
  }
  return true;
}

ExitStatus RunningNestbox::finish(std::chrono::seconds limit) {
  const Deadline deadline = Deadline::after(limit);
  while (read_some(deadline)) {
  }
  const std::optional<ExitStatus> status = m_process.wait(deadline);
  if (!status)
    throw Error(ErrorCode::timeout, "nestbox did not end; it wrote:\n" + m_output);
  return *status;
}

}  // namespace nestbox
