#include "harness/guest/login.hpp"

#include "harness/base/error.hpp"
#include "harness/base/text.hpp"
#include "harness/guest/run_in_machine.hpp"

namespace nestbox {
namespace {

constexpr const char* k_login_script = R"(set -e
test -x /usr/sbin/sshd || { echo 'there is no ssh server in it' >&2; exit 3; }
user=$NESTBOX_LOGIN
if ! id "$user" > /dev/null 2>&1; then
  if getent group "$user" > /dev/null; then group="-g $user"; else group=-U; fi
  useradd -m -s /bin/bash $group "$user"
  if getent group docker > /dev/null; then usermod -a -G docker "$user"; fi
  if test -d /etc/sudoers.d; then
    echo "$user ALL=(ALL) NOPASSWD:ALL" > "/etc/sudoers.d/nestbox-$user"
    chmod 440 "/etc/sudoers.d/nestbox-$user"
  fi
fi
home=$(getent passwd "$user" | cut -d : -f 6)
keys=$home/.ssh/authorized_keys
mkdir -p /run/sshd "$home/.ssh"
grep -qxsF -e "$NESTBOX_PUBLIC_KEY" "$keys" || printf '%s\n' "$NESTBOX_PUBLIC_KEY" >> "$keys"
chmod 700 "$home/.ssh"
chmod 600 "$keys"
chown -R "$user": "$home/.ssh"
ls /etc/ssh/ssh_host_*_key > /dev/null 2>&1 || ssh-keygen -A > /dev/null
cat /etc/ssh/ssh_host_*_key.pub
)";

/// 0016 is port 22, 0A a socket that listens; sshd goes into the background before it does.
constexpr const char* k_server_script = R"(
listens() { grep -qs '^ *[0-9]*: [0-9A-F]*:0016 0*:0000 0A ' /proc/net/tcp /proc/net/tcp6; }
listens && exit
/usr/sbin/sshd -o UseDNS=no -o PasswordAuthentication=no -o PermitRootLogin=prohibit-password || exit
until listens; do sleep 0.1; done
)";

std::string ask(Machine& machine, const Command& command, Deadline deadline,
                const CancelToken& cancel) {
  Captured done = run_in_machine(machine.transport(), command, deadline, cancel);
  if (!done.status.success())
    throw Error(ErrorCode::infrastructure,
                "cannot set up '" + machine.spec().name
                    + "' for ssh: " + printable(trim(done.diagnostics)),
                "its environment needs the package openssh-server, and sudo for users other than "
                "root");
  return std::move(done.output);
}

}  // namespace

std::vector<std::string> set_up_login(Machine& machine, const std::string& user,
                                      const std::string& public_key, Deadline deadline,
                                      const CancelToken& cancel) {
  const std::string output =
      ask(machine,
          {.argv = {"/bin/sh", "-c", k_login_script},
           .environment = {{"NESTBOX_LOGIN", user},
                           {"NESTBOX_PUBLIC_KEY", std::string(trim(public_key))}}},
          deadline, cancel);
  return split(trim(output), '\n');
}

const std::vector<std::string>& ssh_connection_server() {
  static const std::vector<std::string> argv = {"/usr/sbin/sshd",
                                                "-i",
                                                "-e",
                                                "-o",
                                                "UseDNS=no",
                                                "-o",
                                                "PasswordAuthentication=no",
                                                "-o",
                                                "PermitRootLogin=prohibit-password",
                                                "-o",
                                                "LogLevel=ERROR"};
  return argv;
}

void start_ssh_server(Machine& machine, Deadline deadline, const CancelToken& cancel) {
  ask(machine, {.argv = {"/bin/sh", "-c", k_server_script}, .leaves_running = true}, deadline,
      cancel);
}

}  // namespace nestbox
