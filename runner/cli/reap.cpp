#include "runner/cli/reap.hpp"

#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "harness/base/log.hpp"
#include "harness/base/text.hpp"
#include "runner/cli/interrupts.hpp"
#include "runner/cli/plain_progress.hpp"
#include "runner/cli/workbench.hpp"

namespace nestbox {
namespace {

using Json = nlohmann::ordered_json;

constexpr auto k_limit = std::chrono::minutes(10);

std::string line(const std::string& driver, const Leftover& leftover, bool dry_run) {
  return fmt::format("{}: {} of {}{}\n", driver, printable(leftover.what),
                     printable(leftover.owner),
                     !leftover.failed.empty() ? " could not be ended: " + printable(leftover.failed)
                     : dry_run                ? ""
                                              : " ended");
}

}  // namespace

int reap(const ReapOptions& options, const DriverRegistry& drivers) {
  Interrupts interrupts;
  CancelSource cancel;
  const Interrupts::Handling handling(interrupts, [&] { cancel.cancel(); });
  PlainProgress progress;
  Workbench workbench(drivers, {}, progress);
  const bool all = options.driver == "all";
  Json entries = Json::array();
  std::string text;
  int failed = 0;
  for (const std::string& name : all ? drivers.names() : std::vector{options.driver}) {
    const Result<std::vector<Leftover>> found = catch_error([&] {
      return workbench.driver(name).reap(options.dry_run, Deadline::after(k_limit), cancel.token());
    });
    cancel.token().throw_if_cancelled();
    if (!found && !all)
      throw found.error();
    if (!found) {
      // A driver that is not set up has left nothing; one that is says so when it is named.
      log(LogLevel::debug, fmt::format("{} cannot be asked: {}", name, found.error().message));
      continue;
    }
    for (const Leftover& leftover : *found) {
      failed += !leftover.failed.empty();
      text += line(name, leftover, options.dry_run);
      entries.push_back({{"driver", name},
                         {"what", printable(leftover.what)},
                         {"owner", printable(leftover.owner)},
                         {"ended", !options.dry_run && leftover.failed.empty()},
                         {"failed", printable(leftover.failed)}});
    }
  }
  if (options.json)
    std::cout << Json{{"version", 1}, {"leftovers", std::move(entries)}}.dump(2) << '\n';
  else
    std::cout << (text.empty() ? "nothing was left\n" : text);
  return failed > 0 ? 3 : 0;
}

}  // namespace nestbox
