# Sourced by the tests of this folder, which run on machine a; with `from: host` they would run on yours, unchanged.
# shellcheck shell=sh
set -eu

say() { printf '%s\n' "$*"; }
fail() {
  say "FAIL: $*"
  nestbox exec a,b,c -- tail -n 5 /var/log/keepalived.log || true
  exit 1
}
# is_master MACHINE, becomes_master, steps_down: who bears the shared address.
is_master() { nestbox exec "$1" -- ip -4 -o address show dev eth0 | grep -qw 192.0.2.100; }
becomes_master() {
  nestbox wait-for "$1" output 192.0.2.100 --timeout 60s -- ip -4 -o address show dev eth0 ||
    fail "$1 has not become master"
  say "ok: $1 is master"
}
steps_down() {
  nestbox wait-for "$1" output none --timeout 60s -- \
    sh -c 'ip -4 -o address show dev eth0 | grep -qw 192.0.2.100 || echo none' || fail "$1 is still master"
  say "ok: $1 is not master"
}
