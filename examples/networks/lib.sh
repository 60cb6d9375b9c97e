# Sourced by the tests of this folder. The script runs on n1; `on` reaches every machine of the topology.
# shellcheck shell=sh
set -eu

machines='n1 n2 n3'

say() { printf '%s\n' "$*"; }
fail() {
  say "FAIL: $*"
  exit 1
}
on() {
  where=$1
  shift
  nestbox exec "$where" -- "$@"
}
everywhere() { on n1,n2,n3 "$@"; }
number() { echo "${1#n}"; }

# reaches MACHINE ADDRESS [PING OPTION…], cannot_reach: the answer to one ping.
reaches() {
  from=$1 to=$2
  shift 2
  on "$from" ping -n -q -c 1 -W 5 "$@" "$to" > /tmp/ping 2>&1 || fail "$from should reach $to: $(cat /tmp/ping)"
  say "ok: $from reaches $to"
}
cannot_reach() {
  if on "$1" ping -n -q -c 1 -W 1 "$2" > /tmp/ping 2>&1; then fail "$1 should not reach $2"; fi
  say "ok: $1 cannot reach $2"
}
# gone DEVICE: nowhere is there such a device any more.
gone() {
  for machine in $machines; do
    if on "$machine" ip link show "$1" > /dev/null 2>&1; then fail "$machine still has a device $1"; fi
  done
  say "ok: $1 is gone everywhere"
}
