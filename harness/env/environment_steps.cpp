#include "harness/env/environment_steps.hpp"

#include <fmt/format.h>

#include "harness/base/hash.hpp"
#include "harness/base/text.hpp"
#include "harness/env/copied_files.hpp"
#include "harness/env/tail.hpp"
#include "harness/model/content_key.hpp"
#include "harness/model/windows_words.hpp"
#include "harness/vm/console.hpp"

namespace nestbox {
namespace {

constexpr std::size_t k_description_width = 60;

void run(const RunStep& step, const Environment& environment, Machine& machine, Progress& progress,
         Deadline deadline, const CancelToken& cancel) {
  Tail tail;
  CommandIo io;
  io.output = [&](OutputStream, std::string_view bytes) {
    tail.add(bytes);
    progress.output(bytes);
  };
  Command command;
  if (machine.spec().windows)
    command.argv = powershell_argv("$ErrorActionPreference='Stop'\n" + step.script);
  else
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

}  // namespace

EnvironmentSteps::EnvironmentSteps(const Environment& environment, const fs::path& base_directory)
    : m_environment(environment), m_base_directory(base_directory) {
  for (const Step& step : environment.steps) {
    const auto* copied = std::get_if<CopyStep>(&step);
    Sha256 hash;
    try {
      hash.field("step", content_key(step, copied ? hash_copied(
                                               source_beside(copied->source, base_directory))
                                                  : std::string()));
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
      put_copied(source_beside(copied->source, m_base_directory), copied->destination,
                 machine.transport(), deadline, cancel);
    else
      run(std::get<RunStep>(step), m_environment, machine, progress, deadline, cancel);
  } catch (Error& error) {
    if (error.code == ErrorCode::cancelled)
      throw;
    std::string message = fmt::format("{} of environment '{}' failed: {}", description(index),
                                      m_environment.name, error.message);
    if (error.code == ErrorCode::lost)
      message += "\nthe machine's console said:\n" + telling_lines(machine.console());
    Error failed(ErrorCode::infrastructure, std::move(message), error.hint);
    throw failed;
  }
}

}  // namespace nestbox
