#include "runner/workplace.hpp"

#include <cstdlib>

#include <fmt/format.h>

#include "harness/base/filesystem.hpp"
#include "runner/kept_files.hpp"

namespace nestbox {
namespace {

constexpr Bytes k_maximum_artifacts = gibibytes(4);
constexpr std::chrono::minutes k_file_time{5};

std::string gibibytes_text(Bytes memory) {
  std::string text = fmt::format("{:.2f}", static_cast<double>(memory.count)
                                               / static_cast<double>(gibibytes(1).count));
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.')
    text.pop_back();
  return text;
}

}  // namespace

void Workplace::lay_out(const CancelToken& cancel) {
  std::lock_guard lock(m_mutex);
  if (!m_start.empty())
    return;
  const RunContext& context = m_parts.context;
  Transport& transport = machine().transport();
  const std::string workspace = machine().workspace();
  transport.put(context.run_directory / "layout",
                {"src", "out", "build", "scratch", "inputs", "ccache"}, workspace, file_deadline(),
                cancel);
  if (m_parts.on_host)
    fs::create_directories(kept_directory());
  else if (std::vector<std::string> kept = files_below(kept_directory()); !kept.empty())
    transport.put(kept_directory(), kept, workspace + "/ccache", file_deadline(), cancel);
  if (const fs::path& module = m_parts.python_module; !module.empty())
    transport.put(module.parent_path(), {module.filename().string()}, workspace + "/python",
                  file_deadline(), cancel);
  m_start = put_source_tree(machine(), context.work_tree.get(), context.start_directory,
                            file_deadline(), cancel);
}

bool Workplace::laid_out() const {
  std::lock_guard lock(m_mutex);
  return !m_start.empty();
}

std::string Workplace::start_directory() const {
  std::lock_guard lock(m_mutex);
  return m_start;
}

std::map<std::string, std::string> Workplace::variables() const {
  const auto& [context, use, run, machine, environment, on_host, name, own, paths, module] =
      m_parts;
  const Resources has =
      on_host ? host_resources() : Resources{machine.spec().cores, machine.spec().memory};
  std::map<std::string, std::string> variables = environment.variables;
  auto add = [&](const std::map<std::string, std::string>& stronger) {
    for (const auto& [variable, value] : stronger)
      variables[variable] = value;
  };
  add(run.test->variables);
  add(context.variables);
  add({
      {"TEST_REPO", inside("src")},
      {"TEST_INPUTS", inside("inputs")},
      {"TEST_OUTPUT_DIR", inside("out")},
      {"TEST_BUILD_OUTPUT_DIR", inside("build")},
      {"TEST_SCRATCH_DIR", inside("scratch")},
      {"TEST_CCACHE_DIR", on_host ? kept_directory().string() : inside("ccache")},
      {"TEST_CORES_AVAILABLE", std::to_string(has.cores)},
      {"TEST_RAM_GB_AVAILABLE", gibibytes_text(has.memory)},
      {"REVISION", context.work_tree.get().revision},
      {"NESTBOX_RUN", context.run_id},
      {"NESTBOX_TEST", run.test->name},
      {"NESTBOX_REPETITION", std::to_string(run.repetition)},
      {"NESTBOX_ATTEMPT", std::to_string(run.attempt)},
      {"NESTBOX_ENVIRONMENT", environment.name},
      {"NESTBOX_DRIVER", use.driver},
      {"NESTBOX_ACCELERATION", use.acceleration},
      {"NESTBOX_MACHINE", name},
  });
  add(own);
  for (const auto& [variable, directory] : paths) {
    const char* inherited = on_host ? std::getenv(variable.c_str()) : nullptr;
    const auto set = variables.find(variable);
    const std::string rest = set != variables.end() ? set->second : inherited ? inherited : "";
    const char* separator = machine.spec().windows ? ";" : ":";
    variables[variable] = directory + (rest.empty() ? "" : separator + rest);
  }
  return variables;
}

Command Workplace::command(std::vector<std::string> argv) const {
  return {std::move(argv), variables(), start_directory(), {}};
}

void Workplace::fetch(const fs::path& artifacts, const CancelToken& cancel) const {
  machine().transport().get(machine().workspace() + "/out", artifacts, k_maximum_artifacts,
                            file_deadline(), cancel);
  if (!m_parts.on_host)
    keep_ccache(cancel);
}

std::string Workplace::inside(const std::string& name) const {
  return machine().workspace() + (machine().spec().windows ? '\\' : '/') + name;
}

Deadline Workplace::file_deadline() const {
  return Deadline::after(scaled(k_file_time, m_parts.use));
}

fs::path Workplace::kept_directory() const {
  return m_parts.context.kept_directory / m_parts.environment.name;
}

void Workplace::keep_ccache(const CancelToken& cancel) const {
  const fs::path staging =
      fmt::format("{}.{}.{}", kept_directory().string(), m_parts.run.machine, name());
  ScopeExit clean([&] { remove_tree(staging); });
  fs::create_directories(m_parts.context.kept_directory);
  machine().transport().get(machine().workspace() + "/ccache", staging, k_maximum_artifacts,
                            file_deadline(), cancel);
  merge_tree(staging, kept_directory());
}

std::string put_source_tree(Machine& machine, const WorkTree& tree, const fs::path& start_directory,
                            Deadline deadline, const CancelToken& cancel) {
  const std::string source = machine.workspace() + "/src";
  machine.transport().put(tree.root, tree.files, source, deadline, cancel);
  const fs::path below = start_directory.lexically_relative(tree.root);
  const bool inside = !below.empty() && below != "." && *below.begin() != "..";
  return inside ? source + "/" + below.string() : source;
}

std::chrono::nanoseconds scaled(std::chrono::nanoseconds duration, const EnvironmentUse& use) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::duration<double, std::nano>(duration) * use.timeout_scale);
}

}  // namespace nestbox
