// A program that subprocess_test kills: it starts a tree of processes whose pids they print, and
// waits for its end.
#include <cstring>

#include <unistd.h>

#include "harness/base/subprocess.hpp"

int main(int, char** argv) {
  using namespace nestbox;
  const bool whole_tree = std::strcmp(argv[1], "tree") == 0;
  const Process process = Process::spawn({.argv = {"sh", "-c", argv[2]},
                                          .descriptors = {{1, STDOUT_FILENO}},
                                          .whole_tree = whole_tree});
  ::pause();
}
