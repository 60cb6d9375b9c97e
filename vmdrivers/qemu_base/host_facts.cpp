#include "vmdrivers/qemu_base/host_facts.hpp"

#include <filesystem>
#include <fstream>

namespace nestbox::qemu {
namespace {

std::string first_line(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::string line;
  std::getline(stream, line);
  return line;
}

}  // namespace

std::string boot_id() {
  return first_line("/proc/sys/kernel/random/boot_id");
}

std::string host_cpu() {
  std::ifstream stream("/proc/cpuinfo");
  std::string text;
  for (std::string line; std::getline(stream, line) && !line.empty();)
    if (line.starts_with("model name") || line.starts_with("flags"))
      text += line + "\n";
  return text;
}

bool kvm_nests() {
  for (const char* module : {"kvm_intel", "kvm_amd"}) {
    const std::string value =
        first_line(std::filesystem::path("/sys/module") / module / "parameters/nested");
    if (value == "Y" || value == "1")
      return true;
  }
  return false;
}

Bytes private_memory_of(pid_t process) {
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("RssAnon:"))
      return kibibytes(std::stoull(line.substr(line.find(':') + 1)));
  return {};
}

}  // namespace nestbox::qemu
