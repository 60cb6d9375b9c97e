#include "harness/env/world_setup.hpp"

#include <fmt/format.h>

#include "harness/base/text.hpp"
#include "harness/env/copied_files.hpp"
#include "harness/env/tail.hpp"
#include "harness/env/verb_executor.hpp"
#include "harness/env/world_watch.hpp"
#include "harness/model/verb_parser.hpp"

namespace nestbox {
namespace {

constexpr std::size_t k_description_width = 80;

/// What a step copies from beside nestbox.yml; nothing for all others.
const std::string* copied_path(const Verb& verb) {
  const auto* copy = std::get_if<CopyVerb>(&verb);
  return copy && copy->from.machines.empty() ? &copy->from.path : nullptr;
}

}  // namespace

WorldSetup::WorldSetup(const Topology& topology, const fs::path& base_directory)
    : m_topology(topology), m_base_directory(base_directory) {
  for (const WorldStep& step : topology.setup) {
    std::string& hash = m_content_hashes.emplace_back();
    const std::string* path = copied_path(step.verb);
    if (!path)
      continue;
    try {
      hash = hash_copied(source_beside(*path, base_directory));
    } catch (const Error& error) {
      const Error outer =
          error.during(fmt::format("reading the setup of topology '{}'", topology.name));
      throw step.where ? outer.at(*step.where) : outer;
    }
  }
}

void WorldSetup::apply(World& world, Progress& progress, Deadline deadline,
                       const CancelToken& cancel) const {
  for (std::size_t index = 0; index < m_topology.setup.size(); ++index) {
    const std::string what =
        fmt::format("{} of the setup of topology '{}'", description(index), m_topology.name);
    const Activity activity(progress, what);
    try {
      apply(index, world, progress, deadline, cancel);
    } catch (const Error& error) {
      if (error.code == ErrorCode::cancelled)
        throw;
      Error failed(ErrorCode::infrastructure, fmt::format("{} failed: {}", what, error.message),
                   error.hint);
      failed.trace = error.trace;
      throw failed;
    }
  }
}

void WorldSetup::apply(std::size_t index, World& world, Progress& progress, Deadline deadline,
                       const CancelToken& cancel) const {
  Tail tail;
  VerbIo io;
  io.output = [&](const std::string&, OutputStream, std::string_view bytes) {
    tail.add(bytes);
    progress.output(bytes);
  };
  VerbCaller caller;
  caller.directory = m_base_directory;
  caller.confined = true;
  int code = 0;
  while_all_live(world, cancel, [&](const CancelToken& stop) {
    code = execute(world, m_topology.setup[index].verb, caller, io, deadline, stop);
  });
  if (code != 0)
    throw Error(ErrorCode::infrastructure,
                fmt::format("exit code {}\n{}", code, printable(tail.last_lines())));
}

std::string WorldSetup::description(std::size_t index) const {
  std::string text = to_string(m_topology.setup.at(index).verb);
  text = text.substr(0, text.find('\n'));
  const bool cut = text.size() > k_description_width;
  return fmt::format("step {}: {}{}", index + 1, printable(text.substr(0, k_description_width)),
                     cut ? "…" : "");
}

}  // namespace nestbox
