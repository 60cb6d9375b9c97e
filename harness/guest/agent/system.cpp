#include "harness/guest/agent/system.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/scope.hpp"

namespace nestbox::agent {

std::string read_file(const char* path, std::size_t limit) {
  const FileDescriptor file(open(path, O_RDONLY | O_CLOEXEC));
  std::string content;
  while (file && content.size() < limit) {
    char buffer[4096];
    const ssize_t count = read(file.get(), buffer, sizeof buffer);
    if (count <= 0)
      break;
    content.append(buffer, static_cast<std::size_t>(count));
  }
  return content;
}

bool write_file(const char* path, std::string_view text) {
  const FileDescriptor file(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  return file && write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

void make_directories(std::string path) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    path[slash] = '\0';
    mkdir(path.c_str(), 0755);
    path[slash] = '/';
  }
  mkdir(path.c_str(), 0755);
}

void report(const std::string& line) {
  const FileDescriptor log(open("/dev/kmsg", O_WRONLY | O_CLOEXEC));
  // <3>: an error, which the console shows even of a kernel told to be quiet.
  const std::string text = (log ? "<3>nestbox agent: " : "nestbox agent: ") + line + "\n";
  [[maybe_unused]] const ssize_t written =
      write(log ? log.get() : STDERR_FILENO, text.data(), text.size());
}

}  // namespace nestbox::agent
