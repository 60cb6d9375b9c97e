#include "harness/guest/agent/process_trees.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace nestbox::agent {

namespace {

/// Kills all children of this process; true when there were any. What they leave behind becomes our
/// child in turn.
bool kill_children() {
  const FileDescriptor list(open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC));
  char buffer[4096];
  const ssize_t size = list ? read(list.get(), buffer, sizeof buffer - 1) : 0;
  if (size <= 0)
    return false;
  buffer[size] = '\0';
  char* rest = buffer;
  // A last number that the buffer cut is left for the next round.
  for (char* space = std::strchr(rest, ' '); space; space = std::strchr(rest, ' ')) {
    *space = '\0';
    kill(std::atoi(rest), SIGKILL);
    rest = space + 1;
  }
  return true;
}

void end_all_descendants() {
  while (kill_children())
    waitpid(-1, nullptr, 0);
}

/// The life of a supervisor: starts the command, adopts its orphans, ends them all with it (or when
/// told, or when the agent dies) and then ends the way the command did.
[[noreturn]] void supervise(const Launch& launch, bool leaves_running, pid_t agent,
                            const sigset_t& awaited) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  const pid_t command = getppid() == agent ? launch.start() : -1;
  if (command < 0)
    _exit(126);
  close_range(0, ~0u, 0);
  int status = 0;
  bool ended = false;
  bool told_to_end = false;
  while (!ended) {
    const int number = sigwaitinfo(&awaited, nullptr);
    if (number == SIGTERM) {
      told_to_end = true;
      kill(command, SIGKILL);
    }
    int orphan_status;
    pid_t pid;
    while ((pid = waitpid(-1, &orphan_status, WNOHANG)) > 0)
      if (pid == command) {
        status = orphan_status;
        ended = true;
      }
  }
  if (told_to_end || !leaves_running)
    end_all_descendants();
  if (WIFSIGNALED(status)) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    prctl(PR_SET_DUMPABLE, 0);
    signal(WTERMSIG(status), SIG_DFL);
    raise(WTERMSIG(status));
  }
  _exit(WEXITSTATUS(status));
}

FileDescriptor open_at(const FileDescriptor& directory, const char* name, int flags) {
  return FileDescriptor(openat(directory.get(), name, flags | O_CLOEXEC));
}

}  // namespace

ProcessTrees::ProcessTrees(std::string cgroup_base)
    : m_base(cgroup_base.empty() ? -1
                                 : open(cgroup_base.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  // The first one now, before a template is saved, rather than by every clone.
  if (const auto slot = take_slot())
    m_slots[*slot].used = false;
}

std::optional<std::size_t> ProcessTrees::take_slot() {
  if (!m_base)
    return std::nullopt;
  for (std::size_t i = 0; i < m_slots.size(); ++i)
    if (!m_slots[i].used && !populated(m_slots[i])) {
      m_slots[i].used = true;
      return i;
    }
  const std::string name = std::to_string(m_slots.size());
  mkdirat(m_base.get(), name.c_str(), 0755);
  const FileDescriptor top = open_at(m_base, name.c_str(), O_RDONLY | O_DIRECTORY);
  if (!top)
    return std::nullopt;
  mkdirat(top.get(), "main", 0755);
  Slot slot{.leaf = open_at(top, "main", O_RDONLY | O_DIRECTORY),
            .events = open_at(top, "cgroup.events", O_RDONLY),
            .kill = open_at(top, "cgroup.kill", O_WRONLY),
            .used = true};
  if (!slot.leaf || !slot.events || !slot.kill)
    return std::nullopt;
  m_slots.push_back(std::move(slot));
  return m_slots.size() - 1;
}

bool ProcessTrees::populated(const Slot& slot) const {
  char text[128];
  const ssize_t size = pread(slot.events.get(), text, sizeof text, 0);
  return size > 0
         && std::string_view(text, static_cast<std::size_t>(size)).find("populated 1")
                != std::string_view::npos;
}

ProcessTrees::Tree ProcessTrees::start(Launch& launch, bool leaves_running) {
  if (const auto slot = take_slot()) {
    launch.cgroup = m_slots[*slot].leaf.get();
    const pid_t pid = launch.start();
    if (pid > 0)
      return {pid, slot};
    // Somebody removed our cgroup: it is never to be used again, and a supervisor will do.
    launch.cgroup = -1;
  }
  // What tells a supervisor to end must not end it before it can act on it.
  sigset_t awaited, before;
  sigemptyset(&awaited);
  sigaddset(&awaited, SIGCHLD);
  sigaddset(&awaited, SIGTERM);
  sigprocmask(SIG_BLOCK, &awaited, &before);
  const pid_t agent = getpid();
  const pid_t supervisor = fork();
  if (supervisor == 0)
    supervise(launch, leaves_running, agent, awaited);
  sigprocmask(SIG_SETMASK, &before, nullptr);
  return {supervisor < 0 ? -errno : supervisor, std::nullopt};
}

void ProcessTrees::kill(const Tree& tree) {
  if (!tree.slot)
    ::kill(tree.main, SIGTERM);
  else [[maybe_unused]]
    const ssize_t written = pwrite(m_slots[*tree.slot].kill.get(), "1", 1, 0);
}

bool ProcessTrees::alive(const Tree& tree, bool main_reaped) {
  return tree.slot ? populated(m_slots[*tree.slot]) : !main_reaped;
}

int ProcessTrees::events(const Tree& tree) const {
  return tree.slot ? m_slots[*tree.slot].events.get() : -1;
}

void ProcessTrees::release(const Tree& tree) {
  if (tree.slot)
    m_slots[*tree.slot].used = false;
}

}  // namespace nestbox::agent
