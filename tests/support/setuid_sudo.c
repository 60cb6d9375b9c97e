/* Plays sudo where it is installed setuid root: `setuid_sudo -n -- COMMAND…`. */
#include <string.h>
#include <unistd.h>

int main(int count, char** words) {
  if (count < 4 || strcmp(words[1], "-n") != 0 || strcmp(words[2], "--") != 0 || setuid(0) != 0)
    return 99;
  execvp(words[3], words + 3);
  return 98;
}
