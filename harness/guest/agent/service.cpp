#include "harness/guest/agent/service.hpp"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "harness/base/scope.hpp"
#include "harness/guest/agent/system.hpp"

namespace nestbox::agent {

namespace {

constexpr const char* k_unit = "/run/systemd/system/nestbox-agent.service";
constexpr const char* k_wanted =
    "/run/systemd/system/multi-user.target.wants/nestbox-agent.service";

/// Without default dependencies, for they would order us before the very target that we wait for.
constexpr const char* k_unit_text = R"([Unit]
Description=nestbox guest agent
DefaultDependencies=no
After=multi-user.target
Conflicts=shutdown.target
Before=shutdown.target

[Service]
ExecStart=/run/nestbox/agent --service
Restart=always
RestartSec=0
StartLimitBurst=0
Delegate=yes
OOMScoreAdjust=-1000
TasksMax=infinity
LimitNOFILE=1024:524288
IgnoreSIGPIPE=no
StandardInput=null
StandardOutput=null
StandardError=null
)";

}  // namespace

bool copy_agent() {
  make_directories("/run/nestbox");
  const FileDescriptor source(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  const FileDescriptor copy(open(k_agent_copy, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755));
  struct stat status;
  if (!source || !copy || fstat(source.get(), &status) != 0)
    return false;
  for (off_t done = 0; done < status.st_size;)
    if (sendfile(copy.get(), source.get(), &done, static_cast<std::size_t>(status.st_size - done))
        <= 0)
      return false;
  return fchmod(copy.get(), 0755) == 0;
}

void install_client(const char* agent) {
  make_directories("/run/nestbox/bin");
  if (symlink(agent, "/run/nestbox/bin/nestbox") != 0 && errno != EEXIST)
    report(std::string("cannot make '/run/nestbox/bin/nestbox': ") + strerrordesc_np(errno));
}

bool install_service() {
  make_directories("/run/systemd/system/multi-user.target.wants");
  return copy_agent() && write_file(k_unit, k_unit_text)
         && (symlink(k_unit, k_wanted) == 0 || errno == EEXIST);
}

void hand_over_to_systemd() {
  for (const char* program : {"/sbin/init", "/lib/systemd/systemd", "/usr/lib/systemd/systemd"})
    execl(program, program, static_cast<char*>(nullptr));
}

}  // namespace nestbox::agent
