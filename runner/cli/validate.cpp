#include "runner/cli/validate.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "harness/base/text.hpp"
#include "runner/discovery.hpp"

namespace nestbox {

namespace {

namespace fs = std::filesystem;

constexpr int k_valid = 0;
const int k_invalid = exit_code(ErrorCode::definition);

class Validation {
public:
  explicit Validation(const fs::path& directory) : m_directory(directory) {}

  void definition(const fs::path& file, const std::string& shown) {
    auto loaded = load_definition_file(file, shown);
    if (!loaded)
      return add(std::move(loaded.error().errors));
    std::size_t own = loaded->environments.size() - builtin_environments().size();
    m_found.push_back(fmt::format("{}: {} environment{}, {} test{}", printable(shown), own,
                                  own == 1 ? "" : "s", loaded->tests.size(),
                                  loaded->tests.size() == 1 ? "" : "s"));
  }

  void scripts(const std::string& path) {
    auto suite = discover({m_directory, {path}, {}});
    if (!suite)
      return add(std::move(suite.error().errors));
    m_found.push_back(fmt::format("{}: {} test{}", printable(path), suite->tests.size(),
                                  suite->tests.size() == 1 ? "" : "s"));
  }

  void add(std::vector<Error> mistakes) {
    std::move(mistakes.begin(), mistakes.end(), std::back_inserter(m_mistakes));
  }

  int report(std::ostream& output, std::ostream& diagnostics) const {
    for (const Error& mistake : m_mistakes)
      diagnostics << mistake.render() << "\n\n";
    for (const std::string& found : m_found)
      output << found << '\n';
    if (m_mistakes.empty())
      return k_valid;
    diagnostics << m_mistakes.size() << (m_mistakes.size() == 1 ? " mistake\n" : " mistakes\n");
    return k_invalid;
  }

  int report_json(std::ostream& output) const {
    nlohmann::ordered_json mistakes = nlohmann::ordered_json::array();
    for (const Error& mistake : m_mistakes) {
      nlohmann::ordered_json json;
      if (mistake.where)
        json = {{"file", mistake.where->file},
                {"line", mistake.where->line},
                {"column", mistake.where->column}};
      json["message"] = mistake.message;
      if (!mistake.hint.empty())
        json["hint"] = mistake.hint;
      mistakes.push_back(std::move(json));
    }
    nlohmann::ordered_json result{
        {"version", 1}, {"valid", m_mistakes.empty()}, {"mistakes", std::move(mistakes)}};
    output << result.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
    return m_mistakes.empty() ? k_valid : k_invalid;
  }

private:
  const fs::path& m_directory;
  std::vector<Error> m_mistakes;
  std::vector<std::string> m_found;
};

}  // namespace

int run_validate(const ValidateOptions& options, std::ostream& output, std::ostream& diagnostics) {
  Validation validation(options.directory);
  for (const std::string& path : options.paths) {
    if (path.ends_with(".yml") || path.ends_with(".yaml"))
      validation.definition(options.directory / path, path);
    else
      validation.scripts(path);
  }
  if (options.paths.empty()) {
    fs::path directory = fs::canonical(options.directory);
    if (std::optional<fs::path> file = find_definition(directory))
      validation.definition(*file, file->lexically_relative(directory).string());
    else
      validation.add({Error(ErrorCode::not_found, "no nestbox.yml here or above, up to the git top",
                            "'nestbox init' writes one; 'nestbox validate PATH' checks scripts")});
  }
  return options.json ? validation.report_json(output) : validation.report(output, diagnostics);
}

}  // namespace nestbox
