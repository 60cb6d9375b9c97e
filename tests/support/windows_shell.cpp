#include "tests/support/windows_shell.hpp"

#include "harness/base/text.hpp"

namespace nestbox::test {

std::string windows_shell(WindowsShell shell) {
  return shell_quote({"python3", "-ESB", NESTBOX_WINDOWS_MACHINE,
                      shell == WindowsShell::cmd ? "cmd" : "powershell"})
         + " \"$HOME/c\"";
}

}  // namespace nestbox::test
