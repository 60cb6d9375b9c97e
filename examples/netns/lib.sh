# Sourced by the tests of this folder: network namespaces that are gone when a test ends, and a check that they are.
# shellcheck shell=sh
set -eu

# Everything a test makes outside its own namespaces bears this tag, so that two tests may share one host.
tag=nb$$
scratch=$(mktemp -d)

say() { printf '%s\n' "$*"; }
fail() {
  say "FAIL: $*"
  exit 1
}
# 77 is what test runners since automake know as "skipped".
skip() {
  say "SKIP: $*"
  exit 77
}

needs_root() { [ "$(id -u)" = 0 ] || skip "needs root"; }
needs_command() {
  for needed in "$@"; do
    command -v "$needed" > /dev/null || skip "needs the command '$needed'"
  done
}

namespaces() { ip netns list | awk -v tag="$tag-" 'index($1, tag) == 1 { print $1 }'; }
# Whatever is left in the test's surroundings that bears its tag.
leftovers() {
  namespaces
  ip -o link show | awk -F': ' -v tag="$tag-" 'index($2, tag) == 1 { print $2 }'
}

finish() {
  status=$?
  trap - EXIT
  for namespace in $(namespaces); do
    ip netns pids "$namespace" | xargs -r kill 2> /dev/null || true
    ip netns delete "$namespace"
  done
  rm -rf "$scratch"
  remaining=$(leftovers)
  if [ -n "$remaining" ]; then
    say "FAIL: left behind: $remaining"
    status=1
  fi
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

# host NAME…: one namespace for each, with its loopback up. Duplicate address detection, which would keep every new
# IPv6 address waiting for a second, is off.
host() {
  for name in "$@"; do
    ip netns add "$tag-$name"
    on "$name" sysctl -q -w net.ipv6.conf.default.accept_dad=0
    on "$name" ip link set lo up
  done
}
# on NAME COMMAND…: runs the command in that namespace.
on() {
  where=$1
  shift
  ip netns exec "$tag-$where" "$@"
}
# wire HOST1 DEVICE1 HOST2 DEVICE2: a cable (veth pair) between two hosts, both ends up.
wire() {
  ip link add "$2" netns "$tag-$1" type veth peer name "$4" netns "$tag-$3"
  on "$1" ip link set "$2" up
  on "$3" ip link set "$4" up
}
# address HOST DEVICE ADDRESS…
address() {
  at=$1 device=$2
  shift 2
  for each in "$@"; do
    on "$at" ip address add "$each" dev "$device"
  done
}
# router HOST…: forwards between its devices.
router() {
  for name in "$@"; do
    on "$name" sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
  done
}

# reaches HOST ADDRESS [PING OPTION…], cannot_reach: the answer to one ping.
ping_once() {
  from=$1 to=$2
  shift 2
  on "$from" ping -n -q -c 1 -W 2 "$@" "$to" > "$scratch/ping" 2>&1
}
reaches() {
  ping_once "$@" || fail "$1 should reach $2: $(cat "$scratch/ping")"
  say "ok: $1 reaches $2"
}
cannot_reach() {
  if ping_once "$@"; then fail "$1 should not reach $2"; fi
  say "ok: $1 cannot reach $2"
}

# listen HOST PORT FILE: accepts one connection and writes what it receives to FILE; returns once it listens.
# What it said ("Connection received on …") is in $scratch/heard once `heard` has returned.
listen() {
  rm -f "$scratch/listening"
  mkfifo "$scratch/listening"
  on "$1" nc -l -v -n -p "$2" < /dev/null > "$3" 2> "$scratch/listening" &
  listener=$!
  exec 3< "$scratch/listening"
  read -r line <&3 || fail "nobody listens on port $2 of $1"
  case $line in
  Listening*) ;;
  *) fail "nobody listens on port $2 of $1: $line" ;;
  esac
}
# heard: waits for the listener to end.
heard() {
  wait "$listener" || fail "the listener failed"
  cat <&3 > "$scratch/heard"
  exec 3<&-
}
# send HOST ADDRESS PORT: stdin, over TCP; ends when the other side has read it all.
send() { on "$1" nc -n -N -w 10 "$2" "$3"; }
