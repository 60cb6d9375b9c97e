# Sourced by the scripts of this folder: where the repository is, who works in it, steps with their times.
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# say TEXT: one line of progress.
say() { printf '==> %s\n' "$*"; }

# die TEXT [HINT]: ends the script with an error.
die() {
  printf 'error: %s\n' "$1" >&2
  if [ -n "${2:-}" ]; then printf 'hint: %s\n' "$2" >&2; fi
  exit 1
}

# step TITLE COMMAND…: says what it does, and how long it took.
step() {
  local title=$1 started=$SECONDS
  shift
  say "$title"
  "$@"
  printf '    took %d s\n' $((SECONDS - started))
}

# as_owner COMMAND…: under `sudo scripts/…` the caller's own checkout stays the caller's: builds and caches are made
# as the caller, and only packages are installed as root.
as_owner() {
  if [ "$(id -u)" = 0 ] && [ "${SUDO_UID:-0}" != 0 ] && [ "$(stat -c %u "$root")" = "$SUDO_UID" ]; then
    sudo -H -u "#$SUDO_UID" -- "$@"
  else
    "$@"
  fi
}

# job_count: how many compilers may run at once: the cores, but no more than one for 1.5 GiB of available memory.
job_count() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable:/ { print int($2 / 1572864) }' /proc/meminfo)
  if [ "$memory" -lt 1 ]; then memory=1; fi
  if [ "$memory" -lt "$cores" ]; then echo "$memory"; else echo "$cores"; fi
}
