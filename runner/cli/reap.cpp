#include "runner/cli/reap.hpp"

#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "harness/base/log.hpp"
#include "harness/base/staged_path.hpp"
#include "harness/base/text.hpp"
#include "harness/blob/noted_put.hpp"
#include "runner/cli/cache_exchange.hpp"
#include "runner/cli/interrupts.hpp"
#include "runner/cli/plain_progress.hpp"
#include "runner/cli/workbench.hpp"

namespace nestbox {
namespace {

using Json = nlohmann::ordered_json;

constexpr auto k_limit = std::chrono::minutes(10);

/// What was found, as it is told.
class Findings {
public:
  explicit Findings(bool dry_run) : m_dry_run(dry_run) {}

  void add(const std::string& where, const Leftover& leftover) {
    m_failed = m_failed || !leftover.failed.empty();
    const std::string end = !leftover.failed.empty()
                                ? " could not be ended: " + printable(leftover.failed)
                            : m_dry_run ? ""
                                        : " ended";
    m_text += fmt::format("{}: {} of {}{}\n", where, printable(leftover.what),
                          printable(leftover.owner), end);
    m_entries.push_back({{"driver", where},
                         {"what", printable(leftover.what)},
                         {"owner", printable(leftover.owner)},
                         {"ended", !m_dry_run && leftover.failed.empty()},
                         {"failed", printable(leftover.failed)}});
  }

  /// A driver that could not even look. One that nobody set up here has left nothing; another may
  /// have, and surely might when it was used.
  void add_unasked(const std::string& driver, const Error& error) {
    const bool used = Workbench::was_used(driver);
    if (!used && error.code == ErrorCode::unsupported)
      return;
    log(LogLevel::warning, fmt::format("driver '{}' cannot be asked what was left: {}{}", driver,
                                       printable(error.message),
                                       error.hint.empty() ? "" : "; " + printable(error.hint)));
    m_unasked.push_back(driver);
    m_failed = m_failed || used;
  }

  int tell(bool json) {
    if (json)
      std::cout << Json{{"version", 1}, {"leftovers", m_entries}, {"unasked", m_unasked}}.dump(2)
                << '\n';
    else if (m_text.empty())
      std::cout << (m_unasked.empty() ? "nothing was left\n"
                                      : "nothing was left where it could be looked\n");
    else
      std::cout << m_text;
    return m_failed ? 3 : 0;
  }

private:
  const bool m_dry_run;
  bool m_failed = false;
  std::string m_text;
  Json m_entries = Json::array();
  Json m_unasked = Json::array();
};

/// Files of processes that were killed: keys of machines may be among them.
void reap_files(bool dry_run, Findings& findings) {
  for (const fs::path& directory : TemporaryDirectory::abandoned()) {
    if (!dry_run)
      remove_tree(directory);
    std::error_code ignored;
    const bool there = !dry_run && fs::exists(directory, ignored);
    findings.add("files", {.what = fmt::format("directory '{}'", directory.string()),
                           .owner = "a process that was killed",
                           .failed = there ? "it cannot be removed" : ""});
  }
}

/// What `cache push` and `pull` have left half-done.
void reap_exchanges(bool dry_run, const CancelToken& cancel, Findings& findings) {
  if (!dry_run)
    sweep_staged(exchange_scratch());
  for (const UnfinishedPut& put :
       reap_puts(exchange_notes(), dry_run, Deadline::after(k_limit), cancel))
    findings.add(put.store, {.what = fmt::format("half of blob {}", put.blob.substr(0, 12)),
                             .owner = put.owner,
                             .failed = put.failed});
}

}  // namespace

int reap(const ReapOptions& options, const DriverRegistry& drivers) {
  Interrupts interrupts;
  CancelSource cancel;
  const Interrupts::Handling handling(interrupts, [&] { cancel.cancel(); });
  PlainProgress progress;
  Workbench workbench(drivers, {}, progress);
  const bool all = options.driver == "all";
  Findings findings(options.dry_run);
  if (all) {
    reap_files(options.dry_run, findings);
    reap_exchanges(options.dry_run, cancel.token(), findings);
  }
  for (const std::string& name : all ? drivers.names() : std::vector{options.driver}) {
    const Result<std::vector<Leftover>> found = catch_error([&] {
      return workbench.driver(name).reap(options.dry_run, Deadline::after(k_limit), cancel.token());
    });
    cancel.token().throw_if_cancelled();
    if (!found && !all)
      throw found.error();
    if (!found)
      findings.add_unasked(name, found.error());
    else
      for (const Leftover& leftover : *found)
        findings.add(name, leftover);
  }
  return findings.tell(options.json);
}

}  // namespace nestbox
