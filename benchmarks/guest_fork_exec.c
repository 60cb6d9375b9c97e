/* Inside a guest: how long its own fork, exec and wait of a program take. Prints the median in
 * microseconds. usage: guest_fork_exec ROUNDS PROGRAM
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double microseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int compare(const void* left, const void* right) {
  const double a = *(const double*)left;
  const double b = *(const double*)right;
  return (a > b) - (a < b);
}

int main(int argc, char** argv) {
  const int rounds = argc == 3 ? atoi(argv[1]) : 0;
  if (rounds < 1 || rounds > 10000)
    return 2;
  double* samples = calloc((size_t)rounds, sizeof *samples);
  if (!samples)
    return 1;
  for (int i = 0; i < rounds; ++i) {
    const double started = microseconds();
    const pid_t child = fork();
    if (child < 0)
      return 1;
    if (child == 0) {
      execl(argv[2], argv[2], (char*)NULL);
      _exit(127);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child || status != 0)
      return 1;
    samples[i] = microseconds() - started;
  }
  qsort(samples, (size_t)rounds, sizeof *samples, compare);
  printf("%.1f\n", samples[rounds / 2]);
  free(samples);
  return 0;
}
