#include "vmdrivers/qemu_base/accelerator.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "harness/base/filesystem.hpp"
#include "harness/base/text.hpp"
#include "vmdrivers/qemu_base/host_facts.hpp"
#include "vmdrivers/qemu_base/probe.hpp"

namespace nestbox::qemu {
namespace {

using nlohmann::json;

constexpr int k_version = 1;

/// Hardware boots the probe guest in a second. A /dev/kvm that does not work mostly says nothing at
/// all.
constexpr std::chrono::seconds k_hardware_patience(6);
constexpr std::chrono::seconds k_emulation_patience(30);

std::string label(const Accelerator& accelerator) {
  return accelerator.name == "tcg" ? "tcg" : accelerator.name + " " + accelerator.cpu_model;
}

/// A failure's first words, without what QEMU or the guest said.
std::string brief(const std::string& failure) {
  return failure.substr(0, failure.find_first_of(":\n"));
}

/// "qemu ended with 'host'; a probe guest printed nothing in 6 s with the others"
std::string summarize_failures(const std::vector<RungResult>& rungs) {
  std::vector<std::pair<std::string, std::vector<std::string>>> groups;
  for (const RungResult& rung : rungs) {
    if (!rung.failure)
      continue;
    if (groups.empty() || groups.back().first != brief(*rung.failure))
      groups.push_back({brief(*rung.failure), {}});
    groups.back().second.push_back("'" + rung.accelerator.cpu_model + "'");
  }
  if (groups.size() == 1)
    return groups[0].first;
  std::string text;
  for (const auto& [failure, models] : groups) {
    const bool others = models.size() > 1 && failure == groups.back().first;
    text += (text.empty() ? "" : "; ") + failure + " with "
            + (others ? "the others" : join(models, " and "));
  }
  return text;
}

json to_json(const Accelerator& accelerator) {
  return {{"name", accelerator.name}, {"cpu_model", accelerator.cpu_model}};
}

Accelerator accelerator_from(const json& value) {
  return {value.at("name").get<std::string>(), value.at("cpu_model").get<std::string>()};
}

const char* policy_name(AcceleratorPolicy policy) {
  switch (policy) {
  case AcceleratorPolicy::require:
    return "require";
  case AcceleratorPolicy::prefer:
    return "prefer";
  case AcceleratorPolicy::never:
    break;
  }
  return "never";
}

/// The file's content, or an empty document when it is absent, damaged, or of another version or
/// key.
json load_document(const fs::path& file, const std::string& key) {
  const Result<std::string> text = catch_error([&] { return read_file(file, kibibytes(64)); });
  json document = json::parse(text.value_or(""), nullptr, false);
  if (document.is_object() && document.value("version", json()) == k_version
      && document.value("key", json()) == key && document.value("choices", json()).is_object())
    return document;
  return {{"version", k_version}, {"key", key}, {"choices", json::object()}};
}

}  // namespace

std::vector<Rung> ladder(AcceleratorPolicy policy) {
  std::vector<Rung> rungs;
  if (policy != AcceleratorPolicy::never)
    for (const char* model : {"host", "host,-arch-capabilities", "qemu64"})
      rungs.push_back({{"kvm", model}, k_hardware_patience});
  if (policy != AcceleratorPolicy::require)
    rungs.push_back({{"tcg", k_emulated_cpu}, k_emulation_patience});
  return rungs;
}

std::optional<Error> kvm_problem(const fs::path& device) {
  if (::access(device.c_str(), R_OK | W_OK) == 0)
    return std::nullopt;
  const std::string name = "'" + device.string() + "'";
  if (errno == EACCES || errno == EPERM)
    return Error(ErrorCode::unsupported, name + " may not be opened by this user",
                 "add yourself to the group 'kvm': sudo usermod -aG kvm \"$USER\"");
  return Error(ErrorCode::unsupported, "there is no " + name,
               "switch virtualisation on in the firmware, or load kvm_intel or kvm_amd");
}

AcceleratorChoice choose_accelerator(AcceleratorPolicy policy,
                                     const std::optional<Error>& known_kvm_problem,
                                     const Probe& probe) {
  AcceleratorChoice choice;
  for (const Rung& rung : ladder(policy)) {
    const bool hardware = rung.accelerator.name == "kvm";
    if (hardware && known_kvm_problem) {
      if (choice.rungs.empty())
        choice.rungs.push_back({rung.accelerator, known_kvm_problem->message});
      continue;
    }
    const Result<double> slowdown = catch_error([&] { return probe(rung); });
    if (slowdown) {
      choice.rungs.push_back({rung.accelerator, std::nullopt});
      choice.accelerator = rung.accelerator;
      choice.slowdown = *slowdown;
      return choice;
    }
    if (slowdown.error().code == ErrorCode::cancelled)
      throw slowdown.error();
    choice.rungs.push_back({rung.accelerator, slowdown.error().message});
  }
  const bool required = policy == AcceleratorPolicy::require;
  throw Error(ErrorCode::unsupported,
              (required ? "no hardware acceleration works: " : "no guest runs: ")
                  + join(explain(choice), "; "),
              known_kvm_problem && !known_kvm_problem->hint.empty()
                  ? known_kvm_problem->hint
                  : (required ? "allow software emulation: --accel prefer" : ""));
}

std::string describe(const AcceleratorChoice& choice) {
  const std::string failures = summarize_failures(choice.rungs);
  const std::string subject = choice.accelerator.name == "tcg" ? "no kvm: " : "";
  return label(choice.accelerator) + (failures.empty() ? "" : " (" + subject + failures + ")");
}

std::vector<std::string> explain(const AcceleratorChoice& choice) {
  std::vector<std::string> lines;
  for (const RungResult& rung : choice.rungs)
    if (rung.failure)
      lines.push_back(label(rung.accelerator) + ": " + *rung.failure);
  return lines;
}

std::optional<AcceleratorChoice> load_choice(const fs::path& file, AcceleratorPolicy policy,
                                             const std::string& key) {
  const json document = load_document(file, key);
  try {
    const json& entry = document.at("choices").at(policy_name(policy));
    AcceleratorChoice choice{accelerator_from(entry.at("accelerator")),
                             entry.at("slowdown").get<double>()};
    for (const json& rung : entry.at("rungs"))
      choice.rungs.push_back({accelerator_from(rung.at("accelerator")),
                              rung.at("failure").is_null()
                                  ? std::nullopt
                                  : std::optional(rung.at("failure").get<std::string>())});
    return choice;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

void store_choice(const fs::path& file, AcceleratorPolicy policy, const std::string& key,
                  const AcceleratorChoice& choice) {
  json rungs = json::array();
  for (const RungResult& rung : choice.rungs)
    rungs.push_back({{"accelerator", to_json(rung.accelerator)},
                     {"failure", rung.failure ? json(*rung.failure) : json()}});
  json document = load_document(file, key);
  document["choices"][policy_name(policy)] = {{"accelerator", to_json(choice.accelerator)},
                                              {"slowdown", choice.slowdown},
                                              {"rungs", rungs}};
  write_file_atomically(file, document.dump(2) + "\n");
}

AcceleratorChoice chosen_accelerator(const fs::path& file, const DriverSettings& settings,
                                     const std::string& hypervisor, const GuestProbe& probe) {
  const std::optional<Error> problem = kvm_problem();
  const AcceleratorPolicy policy = settings.accelerator;
  std::vector<std::string> rungs;
  for (const Rung& rung : ladder(AcceleratorPolicy::prefer))
    rungs.push_back(rung.accelerator.name + " " + rung.accelerator.cpu_model);
  // A reboot may bring another kernel or firmware; a change of permission another answer; another
  // nestbox other rungs.
  const std::string key = fmt::format("{} {} ladder '{}' kvm '{}'", boot_id(), hypervisor,
                                      join(rungs, ", "), problem ? problem->message : "");
  if (const auto known = load_choice(file, policy, key))
    return *known;
  const FileLock lock =
      FileLock::acquire(fs::path(file).replace_extension(".lock"), FileLock::Mode::exclusive);
  if (const auto known = load_choice(file, policy, key))
    return *known;
  if (!settings.probe_guest)
    throw Error(ErrorCode::unsupported, "there is no guest to probe the accelerators with");
  const MachineSpec guest = probe_machine(settings.probe_guest());
  const AcceleratorChoice choice =
      choose_accelerator(policy, problem, [&](const Rung& rung) { return probe(rung, guest); });
  store_choice(file, policy, key, choice);
  return choice;
}

bool nests(const Accelerator& accelerator) {
  return accelerator.name == "tcg" || kvm_nests();
}

}  // namespace nestbox::qemu
