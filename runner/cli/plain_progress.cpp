#include "runner/cli/plain_progress.hpp"

#include <unistd.h>

#include "harness/base/text.hpp"
#include "runner/cli/console.hpp"

namespace nestbox {

void PlainProgress::started(std::string_view activity) {
  std::lock_guard lock(m_mutex);
  write_all(STDERR_FILENO, printable(activity) + "\n");
}

}  // namespace nestbox
