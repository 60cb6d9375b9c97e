#include "harness/guest/agent/init.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "harness/guest/agent/network.hpp"
#include "harness/guest/agent/service.hpp"
#include "harness/guest/agent/system.hpp"
#include "harness/guest/tree_reader.hpp"

namespace nestbox::agent {

namespace {

constexpr const char* k_new_root = "/newroot";

struct Mount {
  const char* type;
  const char* target;
  unsigned long flags;
  const char* options;
};

constexpr Mount k_mounts[] = {
    {"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr},
    {"sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr},
    {"devtmpfs", "/dev", MS_NOSUID, "mode=0755"},
    {"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "mode=0620,gid=5,ptmxmode=0666"},
    {"tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777"},
    {"tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755"},
};

/// Wanted in a machine that we are the init of; systemd mounts its own.
constexpr Mount k_agent_mounts[] = {
    {"cgroup2", "/sys/fs/cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC, "nsdelegate"},
    {"mqueue", "/dev/mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr},
    {"bpf", "/sys/fs/bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"},
    {"debugfs", "/sys/kernel/debug", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr},
    {"tracefs", "/sys/kernel/tracing", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr},
};

/// Cuts the text up to `separator` off `rest`; false when nothing is left.
bool next_word(std::string_view& rest, char separator, std::string& word) {
  if (rest.empty())
    return false;
  const std::size_t end = rest.find(separator);
  word = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return true;
}

[[noreturn]] void give_up(const std::string& what) {
  report(what + ": " + strerrordesc_np(errno));
  sync();
  _exit(1);
}

void mount_one(const Mount& wanted) {
  mkdir(wanted.target, 0755);
  mount(wanted.type, wanted.target, wanted.type, wanted.flags, wanted.options);
}

/// Only with the standard streams open can no later descriptor be taken for one of them.
void open_standard_streams() {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    dup2(null, standard);
  if (null > STDERR_FILENO)
    close(null);
}

void load_modules() {
  const std::string list = read_file("/nestbox/modules");
  std::string_view rest = list;
  for (std::string path; next_word(rest, '\n', path);) {
    const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (syscall(SYS_finit_module, file.get(), "", 0) != 0 && errno != EEXIST)
      report("cannot load '" + path + "': " + strerrordesc_np(errno));
  }
}

/// Gives the initramfs's memory back; what is mounted on it is another device and stays.
void empty_initramfs() {
  struct statfs file_system;
  if (statfs("/", &file_system) != 0
      || (file_system.f_type != RAMFS_MAGIC && file_system.f_type != TMPFS_MAGIC))
    return;
  for (const char* directory : {"/nestbox", "/lib", "/bin", "/sbin", "/usr"}) {
    FileDescriptor root(open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!root)
      continue;
    TreeWalk walk(FileDescriptor(dup(root.get())));
    for (std::string path; walk.next(path);)
      unlinkat(root.get(), path.c_str(), 0);
  }
}

void enter_root(const std::string& device, DeviceEvents& events) {
  events.wait_until([&] { return access(device.c_str(), F_OK) == 0; });
  mkdir(k_new_root, 0755);
  if (mount(device.c_str(), k_new_root, "ext4", MS_NOATIME, nullptr) != 0)
    give_up("cannot mount '" + device + "'");
  for (const char* target : {"/proc", "/sys", "/dev", "/run"}) {
    const std::string moved = std::string(k_new_root) + target;
    mkdir(moved.c_str(), 0755);
    if (mount(target, moved.c_str(), nullptr, MS_MOVE, nullptr) != 0)
      give_up(std::string("cannot move '") + target + "'");
  }
  empty_initramfs();
  if (chdir(k_new_root) != 0 || mount(".", "/", nullptr, MS_MOVE, nullptr) != 0 || chroot(".") != 0
      || chdir("/") != 0)
    give_up("cannot enter the root of '" + device + "'");
}

/// The initramfs is the machine's only file system then, and half of the memory is little for that.
void widen_initramfs() {
  mount(nullptr, "/", nullptr, MS_REMOUNT, "size=75%");
  mkdir("/tmp", 01777);
  chmod("/tmp", 01777);
}

void make_device_nodes() {
  struct Node {
    const char* path;
    mode_t mode;
    unsigned device_major, device_minor;
  };
  // What udev or kmod's static nodes would offer: opening them loads the module.
  constexpr Node k_nodes[] = {{"/dev/net/tun", 0666, 10, 200},
                              {"/dev/fuse", 0666, 10, 229},
                              {"/dev/loop-control", 0660, 10, 237}};
  mkdir("/dev/net", 0755);
  for (const Node& node : k_nodes) {
    mknod(node.path, S_IFCHR | node.mode, makedev(node.device_major, node.device_minor));
    chmod(node.path, node.mode);
  }
  constexpr std::pair<const char*, const char*> k_links[] = {{"/proc/self/fd", "/dev/fd"},
                                                             {"/proc/self/fd/0", "/dev/stdin"},
                                                             {"/proc/self/fd/1", "/dev/stdout"},
                                                             {"/proc/self/fd/2", "/dev/stderr"}};
  for (const auto& [target, link] : k_links)
    if (symlink(target, link) != 0 && errno != EEXIST)
      report(std::string("cannot make '") + link + "': " + strerrordesc_np(errno));
}

/// What is written stays in memory as long as there is room: the disk goes away with the machine,
/// and a test would wait for what is copied there.
void keep_writes_in_memory() {
  write_file("/proc/sys/vm/dirty_ratio", "80");
  write_file("/proc/sys/vm/dirty_background_ratio", "60");
}

/// systemd's own limits for what it starts; the kernel's for PID 1 are too narrow for container
/// runtimes.
void widen_limits() {
  const rlimit files{.rlim_cur = 1024, .rlim_max = 524288};
  setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace

BootParameters parse_boot_parameters(const std::string& command_line) {
  BootParameters parameters;
  std::string_view rest = command_line;
  if (rest.ends_with('\n'))
    rest.remove_suffix(1);
  for (std::string word; next_word(rest, ' ', word);) {
    if (word.starts_with("nestbox.root="))
      parameters.root = word.substr(13);
    else if (word.starts_with("nestbox.init="))
      parameters.systemd = word.substr(13) == "systemd";
  }
  return parameters;
}

void initialise_machine(DeviceEvents& events) {
  for (const Mount& wanted : k_mounts)
    mount_one(wanted);
  open_standard_streams();
  keep_writes_in_memory();
  load_modules();
  const BootParameters parameters = parse_boot_parameters(read_file("/proc/cmdline"));
  if (parameters.systemd) {
    if (!install_service())
      give_up("cannot install the agent as a service");
  }
  if (!parameters.root.empty()) {
    if (!parameters.systemd && !copy_agent())
      give_up("cannot copy the agent");
    enter_root(parameters.root, events);
  }
  install_client(parameters.root.empty() ? "/init" : k_agent_copy);
  raise_user_network();
  if (parameters.systemd) {
    hand_over_to_systemd();
    give_up("cannot run '/sbin/init'");
  }
  for (const Mount& wanted : k_agent_mounts)
    mount_one(wanted);
  if (parameters.root.empty())
    widen_initramfs();
  make_device_nodes();
  raise_loopback();
  widen_limits();
  sethostname("nestbox", 7);
  reboot(RB_DISABLE_CAD);
}

}  // namespace nestbox::agent
