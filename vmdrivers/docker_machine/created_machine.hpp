#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "harness/base/clock.hpp"
#include "harness/vm/driver.hpp"
#include "vmdrivers/docker_machine/commands.hpp"

namespace nestbox::docker_machine {

/// A machine that docker-machine has created for us, and removes with this object. Before it is
/// created its name and owner are noted in `notes`, so that what a killed nestbox leaves is found.
class CreatedMachine {
public:
  /// Minutes. Throws what run_checked throws; nothing is left then.
  CreatedMachine(Settings settings, const std::filesystem::path& notes, Deadline deadline,
                 const CancelToken& cancel);
  CreatedMachine(const CreatedMachine&) = delete;
  CreatedMachine& operator=(const CreatedMachine&) = delete;
  ~CreatedMachine();

  const std::string& name() const { return m_name; }
  Description describe(Deadline deadline, const CancelToken& cancel) const;

private:
  void remove() noexcept;

  Settings m_settings;
  std::string m_name;
  std::filesystem::path m_note;
};

/// Ends what is noted and nobody owns any more (Driver::reap).
std::vector<Leftover> reap_noted(const Settings& settings, const std::filesystem::path& notes,
                                 bool dry_run, Deadline deadline, const CancelToken& cancel);

}  // namespace nestbox::docker_machine
