#include "harness/guest/agent/lease.hpp"

#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "harness/guest/agent/system.hpp"
#include "harness/guest/lease_terms.hpp"
#include "harness/guest/verb_protocol.hpp"

namespace nestbox::agent {

namespace {

int refuse(int code, const std::string& why) {
  const std::string line = why + "\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
  return code;
}

std::string node_name() {
  utsname kernel{};
  uname(&kernel);
  return kernel.nodename;
}

std::string absolute(const std::string& path) {
  char resolved[PATH_MAX];
  return realpath(path.c_str(), resolved) ? resolved : path;
}

void remove_tree(const std::string& path) {
  const pid_t remover = fork();
  if (remover == 0) {
    execlp("rm", "rm", "-rf", "--", path.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  waitpid(remover, nullptr, 0);
}

std::string own_program() {
  char path[PATH_MAX];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  return std::string(path, size > 0 ? static_cast<std::size_t>(size) : 0);
}

}  // namespace

Lease::Lease(const std::string& directory, const std::string& holder)
    : m_refusal(take(directory, holder)) {
  if (m_refusal == 0)
    set_environment();
}

Lease::~Lease() {
  if (m_refusal != 0)
    return;
  while (waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
  }
  remove_tree(m_workspace);
}

int Lease::take(const std::string& directory, const std::string& holder) {
  make_directories(directory);
  m_home = absolute(directory) + '/' + node_name();
  mkdir(m_home.c_str(), 0700);
  const std::string path = m_home + "/lease";
  m_lock = FileDescriptor(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!m_lock)
    return refuse(k_no_workspace_exit_code,
                  "cannot open '" + path + "': " + strerrordesc_np(errno));
  if (flock(m_lock.get(), LOCK_EX | LOCK_NB) != 0)
    return refuse(k_leased_exit_code, read_file(path.c_str()));
  if (ftruncate(m_lock.get(), 0) != 0
      || write(m_lock.get(), holder.data(), holder.size()) != static_cast<ssize_t>(holder.size()))
    return refuse(k_no_workspace_exit_code,
                  "cannot write '" + path + "': " + strerrordesc_np(errno));
  m_workspace = m_home + "/work";
  remove_tree(m_workspace);
  if (mkdir(m_workspace.c_str(), 0700) != 0)
    return refuse(k_no_workspace_exit_code,
                  "cannot make an empty '" + m_workspace + "': " + strerrordesc_np(errno));
  return 0;
}

void Lease::set_environment() const {
  const std::string programs = m_home + "/bin";
  mkdir(programs.c_str(), 0755);
  const std::string client = programs + "/nestbox";
  unlink(client.c_str());
  [[maybe_unused]] const int linked = symlink(own_program().c_str(), client.c_str());
  const char* const path = getenv("PATH");
  setenv("PATH", (programs + ':' + (path && *path ? path : "/usr/bin:/bin")).c_str(), 1);
  setenv(k_workspace_variable, m_workspace.c_str(), 1);
  setenv(k_host_socket_variable, call_socket().c_str(), 1);
}

}  // namespace nestbox::agent
