#include "vmdrivers/docker_machine/created_machine.hpp"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include <fmt/format.h>

#include "harness/base/error.hpp"
#include "harness/base/log.hpp"
#include "harness/base/note.hpp"
#include "harness/base/subprocess.hpp"
#include "harness/base/text.hpp"
#include "harness/base/variables.hpp"

namespace nestbox::docker_machine {

namespace {

constexpr std::chrono::minutes k_removal_time{5};

std::string new_name() {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != sizeof number)
    throw system_error("cannot get random bytes", errno);
  return fmt::format("nestbox-{:016x}", number);
}

/// Drivers of hypervisors on this host leave these running, to be the machine.
std::string run_program(std::vector<std::string> argv, Deadline deadline,
                        const CancelToken& cancel) {
  // All our variables: the credentials of its cloud are among them.
  return run_checked(
      {.argv = std::move(argv), .environment = own_variables(), .leaves_running = true}, deadline,
      cancel);
}

}  // namespace

CreatedMachine::CreatedMachine(Settings settings, const fs::path& notes, Deadline deadline,
                               const CancelToken& cancel)
    : m_settings(std::move(settings)), m_name(new_name()), m_note(notes / m_name) {
  write_note(m_note);
  ScopeExit rollback([this] { remove(); });
  run_program(create_command(m_settings, m_name), deadline, cancel);
  rollback.dismiss();
}

CreatedMachine::~CreatedMachine() {
  remove();
}

void CreatedMachine::remove() noexcept {
  const Result<std::string> removed = catch_error([&] {
    return run_program(remove_command(m_settings, m_name), Deadline::after(k_removal_time), {});
  });
  std::error_code ignored;
  if (removed)
    fs::remove(m_note, ignored);
  else
    log(LogLevel::warning, "cannot remove docker-machine's '" + m_name
                               + "': " + removed.error().message + "; 'nestbox reap' tries again");
}

Description CreatedMachine::describe(Deadline deadline, const CancelToken& cancel) const {
  return value_or_throw(
      parse_inspect(run_program(inspect_command(m_settings, m_name), deadline, cancel)));
}

std::vector<Leftover> reap_noted(const Settings& settings, const fs::path& notes, bool dry_run,
                                 Deadline deadline, const CancelToken& cancel) {
  std::vector<Leftover> found;
  for (const AbandonedNote& note : abandoned_notes(notes)) {
    const std::string name = note.file.filename();
    if (!name.starts_with("nestbox-"))
      continue;
    Leftover& leftover =
        found.emplace_back(Leftover{.what = "machine '" + name + "'", .owner = note.owner});
    if (dry_run)
      continue;
    const Result<std::string> removed =
        catch_error([&] { return run_program(remove_command(settings, name), deadline, cancel); });
    std::error_code ignored;
    if (removed)
      fs::remove(note.file, ignored);
    else
      leftover.failed = removed.error().message;
  }
  return found;
}

}  // namespace nestbox::docker_machine
