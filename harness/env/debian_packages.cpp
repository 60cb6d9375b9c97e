#include "harness/env/debian_packages.hpp"

#include <fmt/format.h>

#include "harness/base/text.hpp"
#include "harness/env/host_tool.hpp"

namespace nestbox {
namespace {

// The hooks are the host's: they tell its desktop that its own lists are new.
constexpr const char* k_configuration = R"(#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Architecture "amd64";
APT::Architectures "amd64";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::State::status "/dev/null";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
)";

Deadline download_deadline() {
  return Deadline::after(std::chrono::minutes(15));
}

}  // namespace

DebianPackages::DebianPackages(fs::path directory, const std::vector<AptSource>& sources,
                               const BuildContext& context)
    : m_directory(std::move(directory)), m_context(context) {
  require_tool("apt-get", "apt");
  require_tool("dpkg-deb", "dpkg");
  fs::create_directories(m_directory / "state/lists/partial");
  fs::create_directories(m_directory / "cache/archives/partial");
  write_file_atomically(m_directory / "apt.conf", k_configuration);
  write_file_atomically(m_directory / "sources.list", format_apt_sources(sources));
  run_tool({.argv = apt("apt-get", {"--error-on=any", "update"})}, m_context.progress,
           download_deadline(), m_context.cancel);
}

std::string DebianPackages::resolve(const std::string& meta_package) {
  const std::string text = run_checked({.argv = apt("apt-cache", {"depends", meta_package})},
                                       download_deadline(), m_context.cancel);
  for (const std::string& line : split(text, '\n'))
    if (const std::string_view word = trim(line); word.starts_with("Depends: "))
      return std::string(trim(word.substr(std::string_view("Depends: ").size())));
  throw Error(ErrorCode::infrastructure,
              fmt::format("package '{}' depends on nothing", meta_package));
}

void DebianPackages::unpack(const std::string& package, const fs::path& destination) {
  const fs::path folder = m_directory / "download";
  remove_tree(folder);
  fs::create_directories(folder);
  run_tool({.argv = apt("apt-get", {"download", package}), .working_directory = folder},
           m_context.progress, download_deadline(), m_context.cancel);
  for (const fs::directory_entry& file : fs::directory_iterator(folder))
    run_tool({.argv = {"dpkg-deb", "-x", file.path().string(), destination.string()}},
             m_context.progress, download_deadline(), m_context.cancel);
}

std::vector<std::string> DebianPackages::apt(const std::string& program,
                                             const std::vector<std::string>& arguments) const {
  std::vector<std::string> argv = {program,
                                   "-c",
                                   (m_directory / "apt.conf").string(),
                                   "-o",
                                   "Dir::State=" + (m_directory / "state").string(),
                                   "-o",
                                   "Dir::Cache=" + (m_directory / "cache").string(),
                                   "-o",
                                   "Dir::Etc::SourceList="
                                       + (m_directory / "sources.list").string()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return argv;
}

}  // namespace nestbox
