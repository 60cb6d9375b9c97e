#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "harness/vm/driver_registry.hpp"

namespace nestbox::qemu {

/// What executes the guest's instructions.
struct Accelerator {
  std::string name;       ///< "kvm" or "tcg"
  std::string cpu_model;  ///< QEMU's -cpu: "host,migratable=on", k_emulated_cpu

  bool operator==(const Accelerator&) const = default;
};

/// All that software emulation can do, but for what makes a guest slower there: told of ERMS, Linux
/// copies and clears byte by byte where it would take words; 5-level paging makes each walk longer.
/// Without the two, a tree is copied in with a fifth less of the processor.
inline constexpr char k_emulated_cpu[] = "max,-erms,-la57";

/// One way to execute a guest, and for how long its probe guest may be silent.
struct Rung {
  Accelerator accelerator;
  std::chrono::seconds patience{};

  bool operator==(const Rung&) const = default;
};

/// What became of a rung: why it does not work, or nothing when it does.
struct RungResult {
  Accelerator accelerator;
  std::optional<std::string> failure;

  bool operator==(const RungResult&) const = default;
};

struct AcceleratorChoice {
  Accelerator accelerator;
  double slowdown = 1;              ///< as Driver::slowdown
  std::vector<RungResult> rungs{};  ///< in the order tried; the last one works

  bool operator==(const AcceleratorChoice&) const = default;
};

/// The rungs from the fastest down, of which the policy allows.
std::vector<Rung> ladder(AcceleratorPolicy policy);

/// Why this process cannot use /dev/kvm, with a hint; nothing when nothing is known against it.
/// That it can be opened does not mean that a guest runs: only a probe guest shows that.
std::optional<Error> kvm_problem(const std::filesystem::path& device = "/dev/kvm");

/// Boots a guest and measures it: its slowdown, or the Error that says why it does not work.
using Probe = std::function<double(const Rung&)>;

/// The first rung whose probe works. Throws Error(unsupported) that explains every rung when none
/// does.
AcceleratorChoice choose_accelerator(AcceleratorPolicy policy,
                                     const std::optional<Error>& known_kvm_problem,
                                     const Probe& probe);

/// "tcg (no kvm: there is no '/dev/kvm')": for a person, in a few words.
std::string describe(const AcceleratorChoice& choice);

/// "kvm host: a probe guest printed nothing in 6 s": each rung that does not work, with all that is
/// known of why.
std::vector<std::string> explain(const AcceleratorChoice& choice);

/// What was chosen before, kept at `file` by policy. `key` names all else that a choice depends on:
/// nothing is known under another key.
std::optional<AcceleratorChoice> load_choice(const std::filesystem::path& file,
                                             AcceleratorPolicy policy, const std::string& key);
/// Choices under other keys are dropped. The caller keeps other writers out.
void store_choice(const std::filesystem::path& file, AcceleratorPolicy policy,
                  const std::string& key, const AcceleratorChoice& choice);

/// Boots a guest with a rung's accelerator and measures it, as Probe.
using GuestProbe = std::function<double(const Rung&, const MachineSpec& guest)>;

/// choose_accelerator for this host, or what it chose before: kept at `file` until the host boots
/// again, `hypervisor` (all else that the choice depends on) or the permissions of /dev/kvm change.
/// Several processes may ask at once; one chooses. Throws what choose_accelerator and
/// `settings.probe_guest` throw.
AcceleratorChoice chosen_accelerator(const std::filesystem::path& file,
                                     const DriverSettings& settings, const std::string& hypervisor,
                                     const GuestProbe& probe);

/// Whether a guest may have a /dev/kvm that works: emulation's `max` processor offers SVM.
bool nests(const Accelerator& accelerator);

}  // namespace nestbox::qemu
