#include "vmdrivers/qemu_base/program.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "harness/base/filesystem.hpp"
#include "harness/base/hash.hpp"
#include "harness/base/subprocess.hpp"
#include "harness/base/text.hpp"

namespace nestbox::qemu {
namespace {

using nlohmann::json;

constexpr char k_name[] = "qemu-system-x86_64";
constexpr std::chrono::seconds k_version_time(20);

fs::path search_path() {
  const char* path = std::getenv("PATH");
  for (const std::string& directory : split(path ? path : "/usr/bin:/bin", ':')) {
    const fs::path candidate = fs::path(directory.empty() ? "." : directory) / k_name;
    if (::access(candidate.c_str(), X_OK) == 0 && fs::is_regular_file(candidate))
      return fs::canonical(candidate);
  }
  return {};
}

/// All that changes when the file does.
std::string fingerprint(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0)
    throw system_error("cannot read '" + path.string() + "'", errno);
  return fmt::format("{}:{}:{}:{}:{}.{}", path.string(), status.st_dev, status.st_ino,
                     status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}

/// "7.2.22" of "QEMU emulator version 7.2.22 (Debian …)".
std::string ask_version(const fs::path& path) {
  const std::string text =
      run_checked({{path.string(), "--version"}}, Deadline::after(k_version_time));
  constexpr std::string_view k_before = "version ";
  const std::size_t start = text.find(k_before);
  if (start == std::string::npos)
    throw Error(ErrorCode::unsupported, "'" + path.string() + "' does not say its version");
  const std::size_t from = start + k_before.size();
  return text.substr(from, text.find_first_of(" \n", from) - from);
}

std::optional<Program> cached(const fs::path& cache, const fs::path& path,
                              const std::string& print) {
  const Result<std::string> text = catch_error([&] { return read_file(cache, kibibytes(64)); });
  const json document = json::parse(text.value_or(""), nullptr, false);
  if (!document.is_object() || document.value("fingerprint", json()) != print)
    return std::nullopt;
  const json version = document.value("version", json());
  const json digest = document.value("digest", json());
  if (!version.is_string() || !digest.is_string())
    return std::nullopt;
  return Program{path, version, digest};
}

}  // namespace

Result<Program> find_program(const fs::path& cache) {
  const fs::path path = search_path();
  if (path.empty())
    return fail(ErrorCode::unsupported, fmt::format("there is no {} on this host", k_name),
                "apt-get install qemu-system-x86 qemu-utils");
  return catch_error([&] {
    const std::string print = fingerprint(path);
    if (auto known = cached(cache, path, print))
      return *known;
    const Program program{path, ask_version(path), sha256_file(path)};
    const json document = {
        {"fingerprint", print}, {"version", program.version}, {"digest", program.digest}};
    write_file_atomically(cache, document.dump(2) + "\n");
    return program;
  });
}

}  // namespace nestbox::qemu
