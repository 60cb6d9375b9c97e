#include "harness/base/owner.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "harness/base/filesystem.hpp"
#include "harness/base/text.hpp"

namespace nestbox {
namespace {

constexpr std::size_t k_boot_id_size = 36;

std::string boot_id() {
  return std::string(trim(read_file("/proc/sys/kernel/random/boot_id", kibibytes(4))));
}

/// Field 22 of /proc/PID/stat; the second, the program's name in parentheses, may hold anything.
/// Nothing when there is no such process, or it is dead and only waits to be reaped.
std::optional<std::uint64_t> start_time(pid_t process) {
  const Result<std::string> text =
      catch_error([&] { return read_file(fmt::format("/proc/{}/stat", process), kibibytes(64)); });
  if (!text || text->rfind(')') == text->npos)
    return std::nullopt;
  const std::vector<std::string> fields =
      split(trim(std::string_view(*text).substr(text->rfind(')') + 1)), ' ');
  constexpr std::size_t k_state = 0;
  constexpr std::size_t k_start_time = 19;
  std::uint64_t ticks = 0;
  if (fields.size() <= k_start_time || fields[k_state] == "Z" || fields[k_state] == "X")
    return std::nullopt;
  const std::string& field = fields[k_start_time];
  if (std::from_chars(field.data(), field.data() + field.size(), ticks).ec != std::errc())
    return std::nullopt;
  return ticks;
}

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

Owner this_owner() {
  const std::optional<std::uint64_t> started = start_time(::getpid());
  if (!started)
    throw Error(ErrorCode::io, "cannot read '/proc/self/stat'", "is /proc mounted?");
  return {::getuid(), boot_id(), ::getpid(), *started};
}

std::string to_string(const Owner& owner) {
  return fmt::format("{}@{}:{}:{}", owner.user, owner.boot_id, owner.process, owner.start_time);
}

Result<Owner> parse_owner(std::string_view text) {
  const auto refused = [&] {
    return fail(ErrorCode::corrupt, fmt::format("'{}' names no owner", printable(text)));
  };
  const std::size_t at = text.find('@');
  const std::vector<std::string> parts =
      split(at == text.npos ? std::string_view() : text.substr(at + 1), ':');
  Owner owner;
  if (parts.size() != 3 || parts[0].size() != k_boot_id_size
      || !read_number(text.substr(0, at), owner.user) || !read_number(parts[1], owner.process)
      || !read_number(parts[2], owner.start_time) || owner.process <= 0)
    return refused();
  owner.boot_id = parts[0];
  if (to_string(owner) != text)
    return refused();
  return owner;
}

OwnerState state_of(const Owner& owner) {
  if (owner.boot_id != boot_id())
    return OwnerState::unknown;
  return start_time(owner.process) == owner.start_time ? OwnerState::alive : OwnerState::dead;
}

}  // namespace nestbox
