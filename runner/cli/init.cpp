#include "runner/cli/init.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "harness/base/filesystem.hpp"
#include "harness/base/text.hpp"
#include "harness/model/definition_loader.hpp"
#include "runner/script_files.hpp"

namespace nestbox {

namespace {

constexpr std::size_t k_most_scripts = 200;
constexpr Bytes k_most_read = mebibytes(1);

/// A way to run tests that many projects share: a file that shows it, and what it takes.
struct Custom {
  std::string_view name;
  std::vector<std::string_view> files;  ///< any of them
  std::vector<std::string_view> words;  ///< any of them in the file; none: the file alone tells
  std::string_view command;
  std::vector<std::string_view> packages;
  bool network = false;  ///< it fetches its dependencies
};

const std::vector<Custom>& customs() {
  static const std::vector<Custom> all = {
      {"make-check",
       {"Makefile", "GNUmakefile", "makefile"},
       {"\ncheck:", "\ncheck :"},
       "make check",
       {"gcc", "libc6-dev", "make"}},
      {"make-test",
       {"Makefile", "GNUmakefile", "makefile"},
       {"\ntest:", "\ntest :"},
       "make test",
       {"gcc", "libc6-dev", "make"}},
      {"ctest",
       {"CMakeLists.txt"},
       {"enable_testing", "include(CTest)"},
       "cmake -S . -B \"$TEST_SCRATCH_DIR\" && cmake --build \"$TEST_SCRATCH_DIR\" && "
       "ctest --test-dir \"$TEST_SCRATCH_DIR\" --output-on-failure --output-junit "
       "\"$TEST_OUTPUT_DIR/junit.xml\"",
       {"cmake", "g++", "make"}},
      {"meson-test",
       {"meson.build"},
       {"test("},
       "meson setup \"$TEST_SCRATCH_DIR\" && meson test -C \"$TEST_SCRATCH_DIR\" --print-errorlogs",
       {"g++", "meson", "ninja-build"}},
      {"pytest",
       {"pytest.ini", "conftest.py", "tests/conftest.py"},
       {},
       "python3 -m pytest --junitxml \"$TEST_OUTPUT_DIR/junit.xml\"",
       {"python3-pytest"}},
      {"pytest",
       {"pyproject.toml", "setup.cfg", "tox.ini"},
       {"[tool.pytest", "[tool:pytest]", "[pytest]"},
       "python3 -m pytest --junitxml \"$TEST_OUTPUT_DIR/junit.xml\"",
       {"python3-pytest"}},
      {"go-test", {"go.mod"}, {}, "go test ./...", {"ca-certificates", "golang-go"}, true},
      {"cargo-test", {"Cargo.toml"}, {}, "cargo test", {"ca-certificates", "cargo"}, true},
      {"npm-test",
       {"package.json"},
       {"\"test\""},
       "npm ci && npm test",
       {"ca-certificates", "npm"},
       true},
  };
  return all;
}

bool shows(const fs::path& file, const std::vector<std::string_view>& words) {
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored))
    return false;
  if (words.empty())
    return true;
  Result<std::string> text = catch_error([&file] { return "\n" + read_file(file, k_most_read); });
  return text && std::any_of(words.begin(), words.end(), [&text](std::string_view word) {
           return text->find(word) != std::string::npos;
         });
}

bool is_habit_of(const Custom& custom, const fs::path& directory) {
  return std::any_of(custom.files.begin(), custom.files.end(),
                     [&](std::string_view file) { return shows(directory / file, custom.words); });
}

/// As a YAML scalar: plain where nobody could take it for something else, else in double quotes.
std::string scalar(const std::string& text) {
  auto harmless = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
           || std::string_view("_./-").find(c) != std::string_view::npos;
  };
  bool letter_first = !text.empty() && std::isalpha(static_cast<unsigned char>(text[0]));
  constexpr std::array<std::string_view, 4> k_words = {"true", "false", "null", "Null"};
  bool plain = letter_first && std::all_of(text.begin(), text.end(), harmless)
               && std::find(k_words.begin(), k_words.end(), text) == k_words.end();
  return plain ? text : nlohmann::json(text).dump();
}

std::string list(const std::vector<std::string>& words) {
  std::vector<std::string> scalars;
  std::transform(words.begin(), words.end(), std::back_inserter(scalars), scalar);
  return "[" + join(scalars, ", ") + "]";
}

/// What a script's header says, as the lines of its test.
std::string script_entry(const Test& test) {
  const Test usual;
  std::string text = fmt::format("  {}:\n    script: {}\n", scalar(test.name), scalar(test.script));
  auto line = [&text](std::string_view key, const std::string& value) {
    text += fmt::format("    {}: {}\n", key, value);
  };
  if (test.environment != usual.environment)
    line("environment", test.environment);
  if (!test.markers.empty())
    line("markers", list(test.markers));
  if (test.timeout != usual.timeout)
    line("timeout", canonical_duration(test.timeout));
  if (test.isolation != usual.isolation)
    line("isolation", "fresh");
  std::vector<std::string> needs;
  if (test.needs.machine)
    needs.emplace_back("isolation: machine");
  if (test.needs.nested)
    needs.emplace_back("nested: true");
  if (test.needs.privileged)
    needs.emplace_back("privileged: true");
  if (test.needs.docker)
    needs.emplace_back("docker: true");
  if (test.needs.windows)
    needs.emplace_back("windows: true");
  if (test.needs.network == NetworkAccess::user)
    needs.emplace_back("network: user");
  if (test.needs.memory)
    needs.push_back(fmt::format("memory: {}KiB", test.needs.memory->count >> 10));
  if (test.needs.cores)
    needs.push_back(fmt::format("cores: {}", *test.needs.cores));
  if (!needs.empty())
    line("needs", "{" + join(needs, ", ") + "}");
  if (test.skip)
    line("skip", scalar(*test.skip));
  if (test.expected_failure)
    line("xfail", scalar(*test.expected_failure));
  return text;
}

std::string custom_entry(const Custom& custom) {
  return fmt::format("  {}:\n    run: {}\n    environment: build\n    timeout: 30m\n", custom.name,
                     nlohmann::json(custom.command).dump());
}

std::string build_environment(const std::vector<const Custom*>& customs) {
  std::set<std::string> packages;
  bool network = false;
  for (const Custom* custom : customs) {
    packages.insert(custom->packages.begin(), custom->packages.end());
    network = network || custom->network;
  }
  return fmt::format("environments:\n"
                     "  build:\n"
                     "    from: debian\n"
                     "    memory: 2GiB\n"
                     "    cores: 2\n"
                     "{}"
                     "    packages: {}\n\n",
                     network ? "    network: user  # the tests fetch their dependencies\n" : "",
                     list({packages.begin(), packages.end()}));
}

struct Scaffold {
  std::string text;
  std::size_t tests = 0;
  std::size_t scripts_left_out = 0;
};

Scaffold scaffold(const fs::path& directory) {
  Scaffold result;
  std::vector<const Custom*> found;
  for (const Custom& custom : customs())
    if (is_habit_of(custom, directory)
        && std::none_of(found.begin(), found.end(),
                        [&](const Custom* other) { return other->name == custom.name; }))
      found.push_back(&custom);

  std::string tests;
  for (const Custom* custom : found)
    tests += custom_entry(*custom);
  result.tests = found.size();
  for (const std::string& file : find_test_files(directory, directory)) {
    // One that a definition cannot name, or whose header has a mistake, is left for 'nestbox
    // validate PATH' to tell.
    auto script = load_scripts(directory, {file}, Definition());
    if (result.tests - found.size() == k_most_scripts || !script
        || !load_definition("version: 1\ntests:\n" + script_entry(script->front()), file)) {
      ++result.scripts_left_out;
      continue;
    }
    tests += script_entry(script->front());
    ++result.tests;
  }
  if (result.tests == 0) {
    tests = "  hello:\n    run: uname -a\n    environment: tiny\n    timeout: 1m\n";
    result.tests = 1;
  }
  result.text =
      "# What nestbox runs here. 'nestbox schema' prints all that can stand in this file.\n"
      "version: 1\n\n"
      + (found.empty() ? "" : build_environment(found)) + "tests:\n" + tests;
  return result;
}

int init(const InitOptions& options, std::ostream& output, std::ostream& diagnostics) {
  fs::path directory = fs::canonical(options.directory);
  fs::path file = directory / "nestbox.yml";
  if (!options.print && fs::exists(fs::symlink_status(file)))
    throw Error(ErrorCode::usage, "'nestbox.yml' exists already",
                "'nestbox validate' checks it; 'nestbox init --print' shows what would be new");
  Scaffold made = scaffold(directory);
  if (options.print) {
    output << made.text;
  } else {
    write_file_atomically(file, made.text);
    output << fmt::format("wrote nestbox.yml: {} test{}; 'nestbox run' runs {}\n", made.tests,
                          made.tests == 1 ? "" : "s", made.tests == 1 ? "it" : "them");
  }
  if (made.scripts_left_out > 0)
    diagnostics << fmt::format(
        "{} test script{} left out: 'nestbox validate PATH' and 'nestbox run "
        "PATH' take scripts without nestbox.yml\n",
        made.scripts_left_out, made.scripts_left_out == 1 ? " was" : "s were");
  return 0;
}

}  // namespace

int run_init(const InitOptions& options, std::ostream& output, std::ostream& diagnostics) {
  try {
    return init(options, output, diagnostics);
  } catch (const Error& error) {
    diagnostics << error.render() << '\n';
    return exit_code(error.code);
  }
}

}  // namespace nestbox
