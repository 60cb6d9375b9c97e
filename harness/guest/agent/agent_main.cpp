// The guest agent: one static program in one of these roles.
//   PID 1                           /init of our initramfs: initialises the machine (init.hpp) and
//   serves the
//                                   virtio-serial port, or hands over to systemd, which starts it
//                                   again as:
//   agent --service                 a service of a full system, serving the port
//   agent --install                 puts itself and that service's unit into /run, on a full
//                                   system that is not ours
//   agent --serve-fd N [--no-identity] [--calls SOCKET]
//                                   serves a connected socket until its end, as an ordinary process
//                                   (tests);
//                                   --no-identity: a thaw is checked but leaves this machine alone;
//                                   --calls: programs call the host through a socket made there
//   agent --stdio [--container] [--calls SOCKET] [--lease DIRECTORY HOLDER]
//                                   serves its standard input and output until their end, commands
//                                   having its own environment; a thaw is checked but changes
//                                   nothing, unless --container: then it changes what is this
//                                   container's own, and as PID 1 the agent is its init;
//                                   --lease: serves nobody else meanwhile, in a workspace of its
//                                   own (lease.hpp)
//   agent --hostname NAME           gives the machine (a container) that name
//   nestbox --check-nested         whether this machine has hardware virtualisation
//                                   (nested_check.hpp)
//   nestbox --connect ADDRESS PORT carries a TCP connection to there (connect.hpp)
//   nestbox VERB …                  as a client of the host, for programs in the machine
//                                   (verb_client.hpp)
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "harness/guest/agent/cgroups.hpp"
#include "harness/guest/agent/connect.hpp"
#include "harness/guest/agent/init.hpp"
#include "harness/guest/agent/launch.hpp"
#include "harness/guest/agent/lease.hpp"
#include "harness/guest/agent/nested_check.hpp"
#include "harness/guest/agent/port.hpp"
#include "harness/guest/agent/server.hpp"
#include "harness/guest/agent/service.hpp"
#include "harness/guest/verb_client.hpp"
#include "harness/guest/verb_protocol.hpp"

namespace nestbox::agent {

namespace {

int usage() {
  constexpr std::string_view k_text =
      "usage: agent --service\n"
      "       agent --install\n"
      "       agent --serve-fd N [--no-identity] [--calls SOCKET]\n"
      "       agent --stdio [--container] [--calls SOCKET] [--lease DIRECTORY HOLDER]\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, k_text.data(), k_text.size());
  return 2;
}

/// What commands find in their environment besides what they are given.
enum class Ambience {
  bare,       ///< a small default
  inherited,  ///< what we were started with, and what of the default is missing there
};

void set_environment(Ambience ambience) {
  if (ambience == Ambience::bare)
    clearenv();
  setenv("PATH", k_default_path, 0);
  setenv("HOME", "/root", 0);
  setenv("USER", "root", 0);
  setenv("LOGNAME", "root", 0);
  setenv("LANG", "C.UTF-8", 0);
}

/// Ignored signals are inherited through exec; what we start must not inherit them from whoever
/// started us.
void restore_signals() {
  for (int number = 1; number < NSIG; ++number)
    signal(number, SIG_DFL);
}

/// A command that ends closes its pipes before it is gone. Let it finish rather than be interrupted
/// to be told of each: an emulated processor pays dearly for every change of its page tables. What
/// we start is scheduled as usual.
void take_turns_politely() {
  const sched_param parameter{};
  sched_setscheduler(0, SCHED_BATCH | SCHED_RESET_ON_FORK, &parameter);
}

int serve_port(DeviceEvents& events, ServerSettings settings) {
  // No page of ours may have to be read from a disk that a test has wrecked.
  mlockall(MCL_CURRENT);
  take_turns_politely();
  set_environment(Ambience::bare);
  const FileDescriptor port = open_port(events);
  Server(port.get(), port.get(), std::move(settings)).serve();
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
      settings.identity = IdentityScope::none;
    else if (option == "--calls" && i + 1 < argc)
      settings.call_socket = argv[++i];
    else
      return usage();
  }
  if (connection <= STDERR_FILENO)
    return usage();
  set_environment(Ambience::bare);
  Server(connection, connection, std::move(settings)).serve();
  return 0;
}

/// A standard descriptor that becomes ours alone: commands get /dev/null in its place.
FileDescriptor take_standard(int number) {
  FileDescriptor taken(fcntl(number, F_DUPFD_CLOEXEC, 3));
  fcntl(taken.get(), F_SETFL, O_NONBLOCK);
  const FileDescriptor nothing(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (nothing)
    dup2(nothing.get(), number);
  return taken;
}

/// `nestbox VERB …` for the commands of a container, wherever its image has its programs.
void offer_client() {
  install_client(k_agent_copy);
  if (const char* path = getenv("PATH"))
    setenv("PATH", (std::string("/run/nestbox/bin:") + path).c_str(), 1);
}

int be_stdio(int argc, char** argv) {
  ServerSettings settings{
      .is_init = getpid() == 1, .identity = IdentityScope::none, .end_with_connection = true};
  const char* lease_directory = nullptr;
  const char* holder = nullptr;
  for (int i = 2; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--container") {
      settings.identity = IdentityScope::container;
      settings.ooms = OomScope::container;
      offer_client();
    } else if (option == "--calls" && i + 1 < argc) {
      settings.call_socket = argv[++i];
    } else if (option == "--lease" && i + 2 < argc) {
      lease_directory = argv[++i];
      holder = argv[++i];
    } else {
      return usage();
    }
  }
  const FileDescriptor input = take_standard(STDIN_FILENO);
  const FileDescriptor output = take_standard(STDOUT_FILENO);
  if (!input || !output)
    return usage();
  set_environment(Ambience::inherited);
  std::optional<Lease> lease;
  if (lease_directory) {
    lease.emplace(lease_directory, holder);
    if (lease->refusal())
      return lease->refusal();
    settings.call_socket = lease->call_socket();
  }
  Server(input.get(), output.get(), std::move(settings)).serve();
  return 0;
}

int main(int argc, char** argv) {
  umask(0);
  restore_signals();
  if (argc == 2 && std::string_view(argv[1]) == "--check-nested")
    return check_nested();
  if (argc == 4 && std::string_view(argv[1]) == "--connect")
    return connect_to(argv[2], argv[3]);
  if (std::string_view(argv[0]).ends_with("/nestbox") || argv[0] == std::string_view("nestbox"))
    return verb_main(argc, argv);
  const std::string_view role = argc > 1 ? argv[1] : "";
  if (role == "--hostname" && argc == 3)
    return sethostname(argv[2], std::string_view(argv[2]).size()) == 0 ? 0 : 1;
  if (role == "--stdio")
    return be_stdio(argc, argv);
  if (getpid() == 1)
    return be_init();
  if (role == "--install" && argc == 2)
    return install_service() ? 0 : 1;
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
