#include "runner/cli/show.hpp"

#include <unistd.h>

#include <fstream>
#include <map>
#include <set>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "harness/base/text.hpp"
#include "runner/cli/console.hpp"
#include "runner/run_directory.hpp"

namespace nestbox {
namespace {

using Json = nlohmann::ordered_json;

constexpr Bytes k_shown_output = mebibytes(64);

Json read_json(const fs::path& path) {
  Json json = Json::parse(read_file(path), nullptr, false);
  if (!json.is_object())
    throw Error(ErrorCode::corrupt, fmt::format("'{}' is damaged", path.string()));
  return json;
}

std::string text_of(const Json& json, const char* key) {
  return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : std::string();
}

double number_of(const Json& json, const char* key) {
  return json.contains(key) && json[key].is_number() ? json[key].get<double>() : 0.0;
}

std::string duration_of(const Json& json, const char* key) {
  return format_duration(
      std::chrono::nanoseconds(static_cast<std::int64_t>(number_of(json, key) * 1e9)));
}

/// What a run is: "finished", "running", or "interrupted" when its nestbox is gone without having
/// finished it.
std::string state_of(const fs::path& run, const Json& info) {
  if (info.contains("finished"))
    return "finished";
  return is_running(run) ? "running" : "interrupted";
}

fs::path find_run(const fs::path& root, const std::string& wanted) {
  std::error_code ignored;
  if (fs::path direct = wanted;
      wanted.find('/') != std::string::npos && fs::exists(direct / "run.json", ignored))
    return direct;
  const std::vector<fs::path> runs = list_runs(root);
  if (runs.empty())
    throw Error(ErrorCode::not_found, "there is no run yet", "'nestbox run' makes one");
  if (wanted == "latest") {
    const fs::path latest = fs::canonical(root / "latest", ignored);
    return latest.empty() ? runs.front() : latest;
  }
  std::vector<std::string> ids;
  std::vector<fs::path> found;
  for (const fs::path& run : runs) {
    ids.push_back(run.filename().string());
    if (ids.back().starts_with(wanted) || ids.back().ends_with("-" + wanted))
      found.push_back(run);
  }
  if (found.size() == 1)
    return found.front();
  if (found.size() > 1)
    throw Error(ErrorCode::usage,
                fmt::format("'{}' is the beginning of {} runs", wanted, found.size()));
  throw Error(ErrorCode::not_found, fmt::format("no run '{}'", wanted), did_you_mean(wanted, ids));
}

/// Everything that ended, in that order, then what was started and never ended: events.jsonl has
/// all of it, whatever became of the run.
std::vector<Json> results_of(const fs::path& run) {
  std::vector<Json> results;
  std::map<std::string, Json> unfinished;
  std::ifstream events(run / "events.jsonl");
  for (std::string line; std::getline(events, line);) {
    Json event = Json::parse(line, nullptr, false);
    if (!event.is_object())
      continue;  // the last line of a killed run may be cut
    const std::string kind = text_of(event, "event");
    event["folder"] = text_of(event, "directory").empty()
                          ? ""
                          : (run / "tests" / text_of(event, "directory")).string();
    event.erase("event");
    if (kind == "test_started") {
      event["outcome"] = "unfinished";
      unfinished[text_of(event, "id")] = std::move(event);
    } else if (kind == "test_finished") {
      unfinished.erase(text_of(event, "id"));
      results.push_back(std::move(event));
    }
  }
  for (auto& [id, result] : unfinished)
    results.push_back(std::move(result));
  return results;
}

std::string result_line(const Json& result) {
  std::string line = fmt::format("{:<9} {}", text_of(result, "outcome"), text_of(result, "id"));
  if (result.contains("seconds") && number_of(result["seconds"], "total") > 0)
    line += fmt::format("  {}", duration_of(result["seconds"], "total"));
  if (std::string detail = text_of(result, "detail"); !detail.empty())
    line += fmt::format("  ({})", detail);
  return line + "\n";
}

std::string counts_text(const Json& counts) {
  std::vector<std::string> parts;
  for (const auto& [name, count] : counts.items())
    parts.push_back(fmt::format("{} {}", count.get<int>(), name));
  return parts.empty() ? "nothing ran" : join(parts, ", ");
}

void list_all(const fs::path& root, bool as_json) {
  Json all = Json::array();
  std::string text;
  for (const fs::path& run : list_runs(root)) {
    std::error_code ignored;
    const Json info =
        fs::exists(run / "run.json", ignored) ? read_json(run / "run.json") : Json::object();
    const std::string state = state_of(run, info);
    const std::string counts =
        info.contains("summary") ? counts_text(info["summary"]["outcomes"]) : "";
    text += fmt::format("{}  {:<11}  {}\n", run.filename().string(), state, counts);
    all.push_back({{"id", run.filename().string()}, {"state", state}, {"info", info}});
  }
  write_all(STDOUT_FILENO, as_json ? Json{{"version", 1}, {"runs", all}}.dump(2) + "\n" : text);
}

void show_whole(const fs::path& run, bool as_json) {
  const Json info = read_json(run / "run.json");
  const std::vector<Json> results = results_of(run);
  const std::string state = state_of(run, info);
  if (as_json) {
    write_all(STDOUT_FILENO,
              Json{{"version", 1}, {"state", state}, {"info", info}, {"results", results}}.dump(2)
                  + "\n");
    return;
  }
  std::string text =
      fmt::format("run {}, started {}\n", text_of(info, "id"), text_of(info, "started"));
  if (info.contains("drivers"))
    for (const Json& driver : info["drivers"])
      text += fmt::format("driver       {}\n", driver.is_string() ? driver.get<std::string>() : "");
  text += fmt::format("folder       {}\n\n", run.string());
  for (const Json& result : results)
    text += result_line(result);
  if (info.contains("summary"))
    text += fmt::format(
        "\n{}{} in {}\n", info["summary"].value("interrupted", false) ? "interrupted: " : "",
        counts_text(info["summary"]["outcomes"]), duration_of(info["summary"], "seconds"));
  else
    text += state == "running" ? "\nstill running\n"
                               : "\ninterrupted: nestbox ended before the run did\n";
  write_all(STDOUT_FILENO, text);
}

const Json& find_result(const std::vector<Json>& results, const std::string& wanted) {
  std::vector<std::string> ids;
  for (const Json& result : results) {
    ids.push_back(text_of(result, "id"));
    if (ids.back() == wanted || text_of(result, "directory") == wanted)
      return result;
  }
  throw Error(ErrorCode::not_found, fmt::format("the run has no test '{}'", wanted),
              did_you_mean(wanted, ids));
}

std::string file_section(const fs::path& folder, const std::string& name) {
  std::error_code ignored;
  if (folder.empty() || !fs::exists(folder / name, ignored)
      || fs::file_size(folder / name, ignored) == 0)
    return {};
  const Result<std::string> content =
      catch_error([&] { return read_file(folder / name, k_shown_output); });
  const std::string shown =
      content ? printable(*content)
              : fmt::format("too large to show here: see {}\n", (folder / name).string());
  return fmt::format("\n{}:\n{}{}", name, shown, shown.ends_with('\n') ? "" : "\n");
}

/// What happened on each link of a world.
std::string network_section(const fs::path& folder) {
  std::error_code ignored;
  if (folder.empty() || !fs::exists(folder / "network.json", ignored))
    return {};
  const Json counters = read_json(folder / "network.json");
  std::string text = "\nnetwork.json:\n";
  for (const Json& link : counters.value("links", Json::array())) {
    text += fmt::format("{}@{}", text_of(link, "machine"), text_of(link, "network"));
    for (const auto& [name, count] : link.items())
      if (count.is_number_unsigned() && count.get<std::uint64_t>() > 0)
        text += fmt::format("  {} {}", name, count.get<std::uint64_t>());
    text += "\n";
  }
  return printable(text);
}

/// The console of its machine, or of each machine of its world.
std::string console_sections(const fs::path& folder) {
  std::set<std::string> names;
  std::error_code ignored;
  if (!folder.empty())
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored))
      if (const std::string name = entry.path().filename();
          name.starts_with("console") && name.ends_with(".log"))
        names.insert(name);
  std::string text;
  for (const std::string& name : names)
    text += file_section(folder, name);
  return text;
}

void show_test(const fs::path& run, const std::string& test, bool as_json) {
  const std::vector<Json> results = results_of(run);
  const Json& result = find_result(results, test);
  if (as_json) {
    write_all(STDOUT_FILENO, result.dump(2) + "\n");
    return;
  }
  const fs::path folder = text_of(result, "folder");
  std::string text = result_line(result);
  if (result.contains("seconds"))
    text += fmt::format(
        "machine {}, files {}, command {}\n", duration_of(result["seconds"], "machine"),
        duration_of(result["seconds"], "files"), duration_of(result["seconds"], "command"));
  if (result.contains("seed") && result["seed"].is_number_unsigned())
    text += fmt::format("network seed {}\n", result["seed"].get<std::uint64_t>());
  if (!folder.empty())
    text += fmt::format("folder  {}\n", folder.string());
  if (result.contains("reports"))
    for (const Json& report : result["reports"])
      for (const Json& test_case : report["cases"])
        text +=
            fmt::format("  {:<9} {}{}\n", text_of(test_case, "outcome"), text_of(test_case, "name"),
                        test_case.contains("message") ? ": " + text_of(test_case, "message") : "");
  text += file_section(folder, "output.log");
  text += network_section(folder);
  text += console_sections(folder);
  write_all(STDOUT_FILENO, text);
}

}  // namespace

int show_run(const ShowOptions& options) {
  const fs::path root = state_directory() / "runs";
  if (options.list) {
    list_all(root, options.json);
    return 0;
  }
  const fs::path run = find_run(root, options.run);
  if (options.test.empty())
    show_whole(run, options.json);
  else
    show_test(run, options.test, options.json);
  return 0;
}

}  // namespace nestbox
