// The guest agent: one static program in one of four roles.
//   PID 1                           /init of our initramfs: initialises the machine (init.hpp) and
//   serves the
//                                   virtio-serial port, or hands over to systemd, which starts it
//                                   again as:
//   agent --service                 a service of a full system, serving the port
//   agent --serve-fd N [--no-identity] [--calls SOCKET]
//                                   serves a connected socket until its end, as an ordinary process
//                                   (tests);
//                                   --no-identity: a thaw is checked but leaves this machine alone;
//                                   --calls: programs call the host through a socket made there
//   nestbox --check-nested         whether this machine has hardware virtualisation
//                                   (nested_check.hpp)
//   nestbox VERB …                  as a client of the host, for programs in the machine
//                                   (verb_client.hpp)
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
#include "harness/guest/agent/nested_check.hpp"
#include "harness/guest/agent/port.hpp"
#include "harness/guest/agent/server.hpp"
#include "harness/guest/verb_client.hpp"
#include "harness/guest/verb_protocol.hpp"

namespace nestbox::agent {

namespace {

int usage() {
  constexpr std::string_view k_text =
      "usage: agent --service | agent --serve-fd N [--no-identity] [--calls SOCKET]\n";
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
  return serve_port(
      events,
      {.cgroup_base = prepare_root_cgroup(), .is_init = true, .call_socket = k_host_socket});
}

int be_service() {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  DeviceEvents events;
  return serve_port(
      events,
      {.cgroup_base = own_cgroup(), .expendable_commands = true, .call_socket = k_host_socket});
}

int be_tested(int argc, char** argv) {
  const int connection = std::atoi(argv[2]);
  fcntl(connection, F_SETFL, O_NONBLOCK);
  fcntl(connection, F_SETFD, FD_CLOEXEC);
  ServerSettings settings{.end_with_connection = true};
  for (int i = 3; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--no-identity")
      settings.change_identity = false;
    else if (option == "--calls" && i + 1 < argc)
      settings.call_socket = argv[++i];
    else
      return usage();
  }
  if (connection <= STDERR_FILENO)
    return usage();
  Server(connection, std::move(settings)).serve();
  return 0;
}

int main(int argc, char** argv) {
  umask(0);
  restore_signals();
  if (getpid() == 1)
    return be_init();
  if (argc == 2 && std::string_view(argv[1]) == "--check-nested")
    return check_nested();
  if (std::string_view(argv[0]).ends_with("/nestbox") || argv[0] == std::string_view("nestbox"))
    return verb_main(argc, argv);
  const std::string_view role = argc > 1 ? argv[1] : "";
  if (role == "--service" && argc == 2)
    return be_service();
  if (role == "--serve-fd" && argc >= 3)
    return be_tested(argc, argv);
  return usage();
}

}  // namespace

}  // namespace nestbox::agent

int main(int argc, char** argv) {
  return nestbox::agent::main(argc, argv);
}
