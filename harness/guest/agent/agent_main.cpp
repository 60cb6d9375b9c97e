// The guest agent: one static program in one of three roles.
//   PID 1                           /init of our initramfs: initialises the machine (init.hpp) and
//   serves the
//                                   virtio-serial port, or hands over to systemd, which starts it
//                                   again as:
//   agent --service                 a service of a full system, serving the port
//   agent --serve-fd N [--no-identity]
//                                   serves a connected socket until its end, as an ordinary process
//                                   (tests);
//                                   --no-identity: a thaw is checked but leaves this machine alone
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "harness/guest/agent/cgroups.hpp"
#include "harness/guest/agent/init.hpp"
#include "harness/guest/agent/port.hpp"
#include "harness/guest/agent/server.hpp"

namespace nestbox::agent {

namespace {

int usage() {
  constexpr std::string_view k_text =
      "usage: agent --service | agent --serve-fd N [--no-identity]\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, k_text.data(), k_text.size());
  return 2;
}

/// Ignored signals are inherited through exec; what we start must not inherit them from whoever
/// started us.
void restore_signals() {
  for (int number = 1; number < NSIG; ++number)
    signal(number, SIG_DFL);
}

int serve_port(DeviceEvents& events, ServerSettings settings) {
  // No page of ours may have to be read from a disk that a test has wrecked.
  mlockall(MCL_CURRENT);
  const FileDescriptor port = open_port(events);
  Server(port.get(), std::move(settings)).serve();
  return 1;
}

int be_init() {
  DeviceEvents events;
  initialise_machine(events);
  return serve_port(events, {.cgroup_base = prepare_root_cgroup(), .is_init = true});
}

int be_service() {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  DeviceEvents events;
  return serve_port(events, {.cgroup_base = own_cgroup(), .expendable_commands = true});
}

int be_tested(int argc, char** argv) {
  const int connection = std::atoi(argv[2]);
  fcntl(connection, F_SETFL, O_NONBLOCK);
  fcntl(connection, F_SETFD, FD_CLOEXEC);
  const bool no_identity = argc == 4 && std::string_view(argv[3]) == "--no-identity";
  if (connection <= STDERR_FILENO || (argc == 4 && !no_identity))
    return usage();
  Server(connection, {.change_identity = !no_identity, .end_with_connection = true}).serve();
  return 0;
}

int main(int argc, char** argv) {
  umask(0);
  restore_signals();
  if (getpid() == 1)
    return be_init();
  const std::string_view role = argc > 1 ? argv[1] : "";
  if (role == "--service" && argc == 2)
    return be_service();
  if (role == "--serve-fd" && (argc == 3 || argc == 4))
    return be_tested(argc, argv);
  return usage();
}

}  // namespace

}  // namespace nestbox::agent

int main(int argc, char** argv) {
  return nestbox::agent::main(argc, argv);
}
