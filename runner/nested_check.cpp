#include "runner/nested_check.hpp"

#include "harness/base/text.hpp"

namespace nestbox {
namespace {

constexpr std::size_t k_longest_reason = 500;

// What modprobe says of the other maker's processors is of no interest.
constexpr const char* k_script = R"(
[ -e /dev/kvm ] || modprobe kvm_amd 2>/dev/null || modprobe kvm_intel 2>/dev/null
exec nestbox --check-nested
)";

}  // namespace

std::optional<std::string> missing_virtualization(Machine& machine, Deadline deadline,
                                                  const CancelToken& cancel) {
  std::string said;
  CommandIo io;
  io.output = [&](OutputStream, std::string_view bytes) {
    said += bytes.substr(0, k_longest_reason - said.size());
  };
  const CommandResult result =
      machine.transport().run({.argv = {"/bin/sh", "-c", k_script}}, io, deadline, cancel);
  if (result.cancelled)
    cancel.throw_if_cancelled();
  if (result.timed_out)
    return "the check whether '/dev/kvm' works came to no end";
  if (result.status.success())
    return std::nullopt;
  const std::string reason = printable(trim(said));
  return reason.empty() ? "the check whether '/dev/kvm' works failed" : reason;
}

}  // namespace nestbox
