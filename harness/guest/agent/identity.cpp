#include "harness/guest/agent/identity.hpp"

#include <fcntl.h>
#include <linux/random.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "harness/base/scope.hpp"
#include "harness/guest/agent/system.hpp"

namespace nestbox::agent {

namespace {

constexpr const char* k_boot_id = "/run/nestbox/boot_id";
constexpr std::size_t k_max_entropy = 512;

bool is_hostname(const std::string& name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'
           || c == '.';
  };
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, allowed);
}

bool is_machine_id(const std::string& id) {
  return id.size() == 32 && id.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::string system_failure(const char* what) {
  return std::string("cannot ") + what + ": " + strerrordesc_np(errno);
}

/// A random UUID, version 4, and a newline: what /proc/sys/kernel/random/boot_id holds.
std::string random_boot_id() {
  unsigned char bytes[16];
  if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
    return {};
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0F) | 0x40);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3F) | 0x80);
  std::string text;
  for (std::size_t i = 0; i < sizeof bytes; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10)
      text += '-';
    text += "0123456789abcdef"[bytes[i] >> 4];
    text += "0123456789abcdef"[bytes[i] & 15];
  }
  return text + '\n';
}

bool reseed(const std::string& entropy) {
  const FileDescriptor random(open("/dev/urandom", O_RDWR | O_CLOEXEC));
  alignas(rand_pool_info) char bytes[sizeof(rand_pool_info) + k_max_entropy]{};
  auto* pool = reinterpret_cast<rand_pool_info*>(bytes);
  pool->entropy_count = static_cast<int>(entropy.size() * 8);
  pool->buf_size = static_cast<int>(entropy.size());
  std::memcpy(pool->buf, entropy.data(), entropy.size());
  return random && ioctl(random.get(), RNDADDENTROPY, pool) == 0
         && ioctl(random.get(), RNDRESEEDCRNG) == 0;
}

/// What ends each line of /etc/hosts that a thaw brought, for the next thaw to know it by.
constexpr std::string_view k_hosts_mark = " # nestbox";
constexpr std::size_t k_hosts_limit = 1024 * 1024;

bool is_hosts_line(std::string_view line) {
  const auto printable = [](unsigned char c) { return c == '\t' || (c >= ' ' && c != 0x7F); };
  return !line.empty() && line.find('#') == line.npos && std::ranges::all_of(line, printable);
}

/// Whether `line` of /etc/hosts gives `name` an address.
bool names_host(const std::string& line, const std::string& name) {
  return (line + ' ').find(' ' + name + ' ') != std::string::npos;
}

/// The lines of /etc/hosts that are not ours.
std::string foreign_hosts() {
  const std::string hosts = read_file("/etc/hosts", k_hosts_limit);
  std::string kept;
  for (std::size_t begin = 0; begin < hosts.size();) {
    const std::size_t end = std::min(hosts.find('\n', begin), hosts.size());
    const std::string_view line = std::string_view(hosts).substr(begin, end - begin);
    if (!line.starts_with("127.0.1.1") && !line.ends_with(k_hosts_mark))
      kept.append(line) += '\n';
    begin = end + 1;
  }
  return kept.empty() ? "127.0.0.1 localhost\n::1 localhost\n" : kept;
}

/// The files that name this machine. A root without them, or one that cannot be written, is left as
/// it is.
void write_names(const ThawMessage& message) {
  write_file("/etc/hostname", message.hostname + '\n');
  std::string hosts = foreign_hosts();
  // Where its own name has an address that others know, a service must not announce a loopback one.
  if (std::ranges::none_of(message.hosts, [&](const std::string& line) {
        return names_host(line, message.hostname);
      }))
    hosts += "127.0.1.1 " + message.hostname + '\n';
  for (const std::string& line : message.hosts)
    hosts.append(line).append(k_hosts_mark) += '\n';
  write_file("/etc/hosts", hosts);
}

/// systemd's journal lies in a folder of the machine-id that journald began with, and goes on
/// there; journalctl looks into that of the present one.
void keep_journal_found(const std::string& former, const std::string& id) {
  for (const std::string folder : {"/run/log/journal/", "/var/log/journal/"})
    if (access((folder + former).c_str(), F_OK) == 0)
      symlink(former.c_str(), (folder + id).c_str());
}

bool write_machine_id(const std::string& id) {
  constexpr const char* k_path = "/etc/machine-id";
  constexpr const char* k_replacement = "/run/nestbox/machine-id";
  if (const std::string former = read_file(k_path, 64).substr(0, 32); is_machine_id(former))
    keep_journal_found(former, id);
  struct stat status;
  if (lstat("/var/lib/dbus/machine-id", &status) == 0 && S_ISREG(status.st_mode))
    write_file("/var/lib/dbus/machine-id", id + '\n');
  if (write_file(k_path, id + '\n'))
    return true;
  return write_file(k_replacement, id + '\n')
         && mount(k_replacement, k_path, nullptr, MS_BIND, nullptr) == 0;
}

/// A container's name can be given from outside only: one that has it already is content.
bool has_hostname(const std::string& name) {
  char own[256] = {};
  return gethostname(own, sizeof own - 1) == 0 && name == own;
}

}  // namespace

Identity::Identity(IdentityScope scope) : m_scope(scope) {
  if (scope == IdentityScope::none)
    return;
  make_directories("/run/nestbox");
  if (scope == IdentityScope::container)
    return;
  // Now rather than in each clone; a template keeps the mount, and a thaw only rewrites the file.
  m_boot_id_is_ours =
      write_file(k_boot_id, random_boot_id())
      && mount(k_boot_id, "/proc/sys/kernel/random/boot_id", nullptr, MS_BIND, nullptr) == 0;
}

std::optional<std::string> Identity::change(const ThawMessage& message) {
  if (!is_hostname(message.hostname))
    return "'" + message.hostname + "' is no hostname";
  if (!is_machine_id(message.machine_id))
    return "'" + message.machine_id + "' is no machine-id";
  if (message.entropy.size() < 32 || message.entropy.size() > k_max_entropy)
    return "too little or too much entropy";
  if (message.realtime < 0)
    return "a clock before 1970";
  for (const std::string& line : message.hosts)
    if (!is_hosts_line(line))
      return "'" + line + "' is no line of /etc/hosts";
  if (auto flaw = Interfaces::flaw(message.interfaces))
    return flaw;
  return m_scope == IdentityScope::none ? std::nullopt : apply(message);
}

std::optional<std::string> Identity::renew_kernel(const ThawMessage& message) {
  if (!reseed(message.entropy))
    return system_failure("reseed the kernel's random numbers");
  const timespec now{.tv_sec = message.realtime / 1'000'000'000,
                     .tv_nsec = message.realtime % 1'000'000'000};
  if (clock_settime(CLOCK_REALTIME, &now) != 0)
    return system_failure("set the clock");
  if (m_boot_id_is_ours && !write_file(k_boot_id, random_boot_id()))
    return system_failure("write a boot_id");
  return std::nullopt;
}

std::optional<std::string> Identity::apply(const ThawMessage& message) {
  if (m_scope == IdentityScope::machine)
    if (auto failed = renew_kernel(message))
      return failed;
  if (!has_hostname(message.hostname)
      && sethostname(message.hostname.data(), message.hostname.size()) != 0)
    return system_failure("set the hostname");
  write_names(message);
  if (!write_machine_id(message.machine_id))
    return system_failure("write '/etc/machine-id'");
  if (auto failed = m_interfaces.change(message.interfaces))
    return failed;
  return std::nullopt;
}

}  // namespace nestbox::agent
