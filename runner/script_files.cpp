#include "runner/script_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <thread>

#include "harness/base/scope.hpp"
#include "harness/base/text.hpp"
#include "harness/env/work_tree.hpp"
#include "harness/model/windows_words.hpp"

namespace nestbox {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t k_head = 4096;
constexpr std::size_t k_most_files = 1'000'000;
constexpr std::size_t k_files_per_thread = 2000;
constexpr std::size_t k_kept_mistakes = 100;

bool is_executable(const fs::path& file) {
  return ::access(file.c_str(), X_OK) == 0;
}

/// A symlink counts when what it leads to is a file within the root.
bool is_file_within(const fs::path& root, const fs::directory_entry& entry) {
  if (!entry.is_symlink())
    return entry.is_regular_file();
  std::error_code error;
  fs::path target = fs::canonical(entry.path(), error);
  if (error || !fs::is_regular_file(target, error))
    return false;
  return std::mismatch(root.begin(), root.end(), target.begin(), target.end()).first == root.end();
}

/// How to start a file that the kernel would not start: by the interpreter it names, or a shell.
std::vector<std::string> interpreter(std::string_view head) {
  if (!head.starts_with("#!"))
    return {"/bin/sh"};
  std::string_view line = trim(head.substr(2, head.find('\n') - 2));
  std::size_t end = std::min(line.find_first_of(" \t"), line.size());
  std::vector<std::string> command{std::string(line.substr(0, end))};
  if (std::string_view argument = trim(line.substr(end)); !argument.empty())
    command.emplace_back(argument);
  return command;
}

bool starts_by_itself(std::string_view head, mode_t mode) {
  return (mode & 0111) != 0
         && (head.starts_with("#!")
             || head.starts_with("\x7f"
                                 "ELF"));
}

tl::expected<Test, DefinitionErrors> load_script(int root, const std::string& file,
                                                 const Definition& definition) {
  auto failed = [&](int error_number) {
    return tl::unexpected(
        DefinitionErrors{{system_error("cannot read '" + printable(file) + "'", error_number)}});
  };
  FileDescriptor descriptor(::openat(root, file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status;
  std::array<char, k_head> head;
  if (!descriptor || ::fstat(descriptor.get(), &status) != 0)
    return failed(errno);
  ssize_t size = ::read(descriptor.get(), head.data(), head.size());
  if (size < 0)
    return failed(errno);
  std::string_view text(head.data(), static_cast<std::size_t>(size));
  auto test = load_script_header(text, file, definition);
  if (test && !test->needs.windows && !starts_by_itself(text, status.st_mode)) {
    std::vector<std::string> command = interpreter(text);
    std::move(test->command.begin(), test->command.end(), std::back_inserter(command));
    test->command = std::move(command);
  }
  return test;
}

}  // namespace

bool is_test_file_name(std::string_view name, bool executable) {
  if (name.ends_with(".t") && name.size() > 2)
    return true;
  const std::size_t suffix = name.ends_with(".sh") ? 3 : is_windows_script(name) ? 4 : 0;
  if (suffix > 0) {
    name.remove_suffix(suffix);
    return name == "test" || name.starts_with("test_") || name.starts_with("test-")
           || name.ends_with("_test") || name.ends_with("-test") || name.ends_with(".test");
  }
  return executable && name.find('.') == name.npos
         && (name.starts_with("test_") || name.ends_with("_test"));
}

std::vector<std::string> find_test_files(const fs::path& root, const fs::path& folder) {
  std::vector<std::string> files;
  IgnoreRules rules(folder);
  std::size_t prefix = root.native().size() + (root.native().ends_with('/') ? 0 : 1);
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, fs::directory_options::skip_permission_denied,
                                         error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    // Paths as plain strings: taking them apart as fs::path costs more than all the rest.
    const std::string& path = entry->path().native();
    std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
    if (!entry->is_symlink() && entry->is_directory()) {
      bool other_suite = fs::exists(entry->path() / "nestbox.yml");
      if (name.starts_with('.') || other_suite || rules.ignores(entry->path(), true))
        entry.disable_recursion_pending();
      continue;
    }
    bool named = is_test_file_name(name, false)
                 || (is_test_file_name(name, true) && is_executable(entry->path()));
    if (!named || !is_file_within(root, *entry) || rules.ignores(entry->path(), false))
      continue;
    if (files.size() == k_most_files)
      throw Error(ErrorCode::usage, "more than 1,000,000 tests in '" + folder.string() + "'",
                  "name a smaller folder");
    files.push_back(path.substr(prefix));
  }
  if (error)
    throw system_error("cannot read folder '" + folder.string() + "'", error.value());
  std::sort(files.begin(), files.end());
  return files;
}

tl::expected<std::vector<Test>, DefinitionErrors>
load_scripts(const fs::path& root, const std::vector<std::string>& files,
             const Definition& definition) {
  FileDescriptor root_directory(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root_directory)
    return tl::unexpected(
        DefinitionErrors{{system_error("cannot open folder '" + root.string() + "'", errno)}});
  std::size_t most = std::max(1U, std::thread::hardware_concurrency());
  std::size_t parts = std::clamp<std::size_t>(files.size() / k_files_per_thread, 1, most);
  std::vector<Test> tests(files.size());
  std::vector<DefinitionErrors> mistakes(parts);
  auto load_part = [&](std::size_t part) {
    for (std::size_t i = files.size() * part / parts; i < files.size() * (part + 1) / parts; ++i) {
      auto test = load_script(root_directory.get(), files[i], definition);
      if (test)
        tests[i] = std::move(*test);
      else if (mistakes[part].errors.size() < k_kept_mistakes)
        std::move(test.error().errors.begin(), test.error().errors.end(),
                  std::back_inserter(mistakes[part].errors));
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t part = 1; part < parts; ++part)
      threads.emplace_back(load_part, part);
    load_part(0);
  }
  DefinitionErrors all;
  for (DefinitionErrors& part : mistakes)
    std::move(part.errors.begin(), part.errors.end(), std::back_inserter(all.errors));
  if (!all.errors.empty())
    return tl::unexpected(std::move(all));
  return tests;
}

}  // namespace nestbox
