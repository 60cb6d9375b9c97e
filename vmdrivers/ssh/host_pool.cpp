#include "vmdrivers/ssh/host_pool.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <utility>

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"

namespace nestbox::ssh {

namespace {

/// Touched after a host was given back: what those who wait for one watch. They do not watch the
/// locks, which everybody who tries opens and closes.
constexpr const char* k_bell = "freed";

fs::path lock_file(const fs::path& directory, const std::string& host) {
  return directory / (host + ".lock");
}

void write_text(const fs::path& file, const std::string& text) {
  const FileDescriptor opened(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  [[maybe_unused]] const ssize_t written = ::write(opened.get(), text.data(), text.size());
}

FileDescriptor watch_bell(const fs::path& directory) {
  const fs::path bell = directory / k_bell;
  if (!fs::exists(bell))
    write_text(bell, "");
  FileDescriptor watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!watch || ::inotify_add_watch(watch.get(), bell.c_str(), IN_CLOSE_WRITE) < 0)
    throw system_error("cannot watch '" + bell.string() + "'", errno);
  return watch;
}

/// Readable once the process that has locked `host` has ended; nothing when that is not known.
FileDescriptor watch_holder(const fs::path& directory, const std::string& host) {
  const Result<std::string> text =
      catch_error([&] { return read_file(lock_file(directory, host), kibibytes(1)); });
  pid_t holder = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), holder).ec != std::errc()
      || holder <= 0 || holder == ::getpid())
    return {};
  return FileDescriptor(static_cast<int>(::syscall(SYS_pidfd_open, holder, 0)));
}

}  // namespace

HostPool::Lease::Lease(fs::path directory, std::string host, FileLock lock)
    : m_directory(std::move(directory)), m_host(std::move(host)), m_lock(std::move(lock)) {}

HostPool::Lease::Lease(Lease&& other) noexcept
    : m_directory(std::move(other.m_directory)), m_host(std::move(other.m_host)),
      m_lock(std::exchange(other.m_lock, std::nullopt)) {}

HostPool::Lease::~Lease() {
  if (!m_lock)
    return;
  m_lock.reset();
  write_text(m_directory / k_bell, "");
}

HostPool::HostPool(fs::path directory) : m_directory(std::move(directory)) {
  fs::create_directories(m_directory);
}

std::optional<HostPool::Lease> HostPool::try_take(const std::vector<std::string>& hosts) {
  for (const std::string& host : hosts) {
    const fs::path file = lock_file(m_directory, host);
    std::optional<FileLock> lock = FileLock::try_acquire(file, FileLock::Mode::exclusive);
    if (!lock)
      continue;
    write_text(file, std::to_string(::getpid()));
    return Lease(m_directory, host, std::move(*lock));
  }
  return std::nullopt;
}

HostPool::Lease HostPool::take(const std::vector<std::string>& hosts, Deadline deadline,
                               const CancelToken& cancel) {
  const FileDescriptor bell = watch_bell(m_directory);
  while (true) {
    // Watched before they are tried: whoever ends in between is noticed.
    std::vector<FileDescriptor> holders;
    std::vector<pollfd> polled = {{bell.get(), POLLIN, 0}, {cancel.descriptor(), POLLIN, 0}};
    for (const std::string& host : hosts)
      if (FileDescriptor holder = watch_holder(m_directory, host)) {
        polled.push_back({holder.get(), POLLIN, 0});
        holders.push_back(std::move(holder));
      }
    if (std::optional<Lease> lease = try_take(hosts))
      return std::move(*lease);
    const int ready = ::poll(polled.data(), polled.size(), deadline.poll_timeout());
    cancel.throw_if_cancelled();
    if (ready == 0 && deadline.passed())
      throw Error(ErrorCode::timeout, "no host became free in time: " + join(hosts, ", "));
    char events[4096];
    [[maybe_unused]] const ssize_t drained = ::read(bell.get(), events, sizeof events);
  }
}

}  // namespace nestbox::ssh
