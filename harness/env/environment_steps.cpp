#include "harness/env/environment_steps.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"
#include "harness/env/build_context.hpp"
#include "harness/env/file_list.hpp"
#include "harness/env/tail.hpp"
#include "harness/model/content_key.hpp"

namespace nestbox {
namespace {

constexpr std::size_t k_description_width = 60;

fs::path copy_source(const CopyStep& step, const fs::path& base_directory) {
  const auto refuse = [&](std::string_view why) {
    return Error(
        ErrorCode::definition, fmt::format("cannot copy '{}': {}", step.source, why),
        fmt::format("sources are beside nestbox.yml, below '{}'", base_directory.string()));
  };
  const std::optional<fs::path> path = path_beneath(base_directory, step.source);
  if (!path)
    throw refuse("it is outside");
  std::error_code error;
  const fs::path real = fs::canonical(*path, error);
  if (error)
    throw refuse("it does not exist");
  const fs::path relative = real.lexically_relative(fs::canonical(base_directory));
  if (relative.empty() || *relative.begin() == "..")
    throw refuse("it leads outside");
  return real;
}

void hash_file(const fs::path& root, const std::string& name, Sha256& hash) {
  const fs::path path = root / name;
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0)
    throw system_error(fmt::format("cannot read '{}'", path.string()), errno);
  hash.field("name", name);
  if (S_ISLNK(status.st_mode))
    hash.field("symlink", fs::read_symlink(path).string());
  else if (S_ISDIR(status.st_mode))
    hash.field("directory", "");
  else
    hash.field("mode", std::to_string(status.st_mode & 07777)).field("content", sha256_file(path));
}

std::string hash_copied(const CopyStep& step, const fs::path& base_directory) {
  const fs::path source = copy_source(step, base_directory);
  Sha256 hash;
  if (fs::is_directory(source))
    for (const std::string& name : list_files(source))
      hash_file(source, name, hash);
  else
    hash_file(source.parent_path(), source.filename().string(), hash);
  return hash.hex();
}

void run(const RunStep& step, const Environment& environment, Machine& machine, Progress& progress,
         Deadline deadline, const CancelToken& cancel) {
  Tail tail;
  CommandIo io;
  io.output = [&](OutputStream, std::string_view bytes) {
    tail.add(bytes);
    progress.output(bytes);
  };
  Command command;
  command.argv = {"/bin/sh", "-e", "-c", step.script};
  command.environment = environment.variables;
  const CommandResult result = machine.transport().run(command, io, deadline, cancel);
  if (result.cancelled)
    cancel.throw_if_cancelled();
  if (result.timed_out)
    throw Error(ErrorCode::infrastructure, "it took too long");
  if (!result.status.success())
    throw Error(ErrorCode::infrastructure, fmt::format("{}{}\n{}", describe(result.status),
                                                       result.oom_kills ? ", out of memory" : "",
                                                       printable(tail.last_lines())));
}

void copy(const CopyStep& step, const fs::path& base_directory, Machine& machine, Deadline deadline,
          const CancelToken& cancel) {
  const fs::path source = copy_source(step, base_directory);
  if (fs::is_directory(source))
    return machine.transport().put(source, list_files(source), step.destination, deadline, cancel);
  // A file lands under its destination's name: a folder of ours holds it under that name.
  const fs::path destination = step.destination;
  const std::string name = destination.has_filename() ? destination.filename() : source.filename();
  const TemporaryDirectory folder;
  fs::copy_file(source, folder.path() / name);
  machine.transport().put(folder.path(), {name}, destination.parent_path().string(), deadline,
                          cancel);
}

}  // namespace

EnvironmentSteps::EnvironmentSteps(const Environment& environment, const fs::path& base_directory)
    : m_environment(environment), m_base_directory(base_directory) {
  for (const Step& step : environment.steps) {
    const auto* copied = std::get_if<CopyStep>(&step);
    Sha256 hash;
    try {
      hash.field("step",
                 content_key(step, copied ? hash_copied(*copied, base_directory) : std::string()));
    } catch (const Error& error) {
      const Error outer =
          error.during(fmt::format("reading the steps of environment '{}'", environment.name));
      throw environment.where ? outer.at(*environment.where) : outer;
    }
    if (!copied)
      for (const auto& [name, value] : environment.variables)
        hash.field(name, value);
    m_keys.push_back(hash.hex());
  }
}

std::string EnvironmentSteps::description(std::size_t index) const {
  const Step& step = m_environment.steps.at(index);
  std::string text;
  if (const auto* copied = std::get_if<CopyStep>(&step))
    text = fmt::format("copy {} to {}", copied->source, copied->destination);
  else
    text = std::string(trim(std::get<RunStep>(step).script));
  text = text.substr(0, text.find('\n'));
  const bool cut = text.size() > k_description_width;
  text = printable(text.substr(0, k_description_width)) + (cut ? "…" : "");
  return fmt::format("step {}: {}", index + 1, text);
}

void EnvironmentSteps::apply(std::size_t index, Machine& machine, Progress& progress,
                             Deadline deadline, const CancelToken& cancel) const {
  const Step& step = m_environment.steps.at(index);
  try {
    if (const auto* copied = std::get_if<CopyStep>(&step))
      copy(*copied, m_base_directory, machine, deadline, cancel);
    else
      run(std::get<RunStep>(step), m_environment, machine, progress, deadline, cancel);
  } catch (Error& error) {
    if (error.code == ErrorCode::cancelled)
      throw;
    std::string message = fmt::format("{} of environment '{}' failed: {}", description(index),
                                      m_environment.name, error.message);
    if (error.code == ErrorCode::lost) {
      Tail console;
      console.add(machine.console());
      message +=
          fmt::format("\nthe machine's console ends with:\n{}", printable(console.last_lines()));
    }
    Error failed(ErrorCode::infrastructure, std::move(message), error.hint);
    throw failed;
  }
}

}  // namespace nestbox
