#include "harness/env/small_system.hpp"

#include "harness/base/subprocess.hpp"
#include "harness/base/text.hpp"

namespace nestbox {

std::vector<std::string> busybox_applets(const fs::path& busybox) {
  const std::string listed = run_checked({.argv = {busybox.string(), "--list-full"}},
                                         Deadline::after(std::chrono::minutes(1)));
  std::vector<std::string> applets;
  for (const std::string& applet : split(listed, '\n'))
    if (!applet.empty() && path_beneath("/", applet) && applet != "bin/busybox"
        && applet != "linuxrc")
      applets.push_back(applet);
  return applets;
}

}  // namespace nestbox
