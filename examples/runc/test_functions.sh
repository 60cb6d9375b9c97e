#!/bin/bash
# The deploy / invoke / clean-up script of a small function runtime upon runc: deploys two functions as containers,
# invokes them, sees that limits and isolation hold, removes them, and checks that nothing is left.
set -euo pipefail

root=$(mktemp -d)
say() { printf '%s\n' "$*"; }
fail() {
  say "FAIL: $*"
  exit 1
}
leave_nothing() {
  for name in $(runc list -q); do runc delete --force "$name"; done
  rm -rf "$root"
}
trap leave_nothing EXIT
command -v runc jq busybox > /dev/null || exit 77

# deploy NAME SCRIPT: a bundle whose only program is busybox, and a container of it, created but not started.
deploy() {
  local bundle=$root/$1
  mkdir -p "$bundle/rootfs/bin" "$bundle/rootfs/proc" "$bundle/rootfs/tmp"
  cp "$(command -v busybox)" "$bundle/rootfs/bin/busybox"
  ln -s busybox "$bundle/rootfs/bin/sh"
  (cd "$bundle" && runc spec)
  jq --arg script "$2" '
    .process.terminal = false
    | .process.args = ["/bin/busybox", "sh", "-c", $script]
    | .hostname = "function"
    | .linux.resources.memory = {limit: 33554432}
    | .linux.resources.pids = {limit: 16}' "$bundle/config.json" > "$bundle/config.new"
  mv "$bundle/config.new" "$bundle/config.json"
  say "deployed $1"
}
# invoke NAME: runs it to its end; its output is ours.
invoke() { (cd "$root/$1" && runc run "$1" < /dev/null); }

# shellcheck disable=SC2016 # the functions' shells expand, not this one
{
  deploy greet 'echo "hello from $(busybox hostname), process $$"'
  deploy greedy 'x=; while :; do x="$x$x................................"; done'
  deploy forks 'i=0; while [ $i -lt 64 ]; do busybox sleep 5 & i=$((i + 1)); done 2>&1; echo started'
}

[ "$(invoke greet)" = "hello from function, process 1" ] || fail "greet: $(invoke greet)"
say "ok: invoked, in a hostname and process namespace of its own"
if invoke greedy > "$root/greedy.log" 2>&1; then fail "32 MiB were not enough to stop it"; fi
say "ok: out of its memory, not out of ours"
invoke forks > "$root/forks.log" 2>&1 || true
grep -qi 'resource temporarily unavailable\|cannot fork\|can.t fork' "$root/forks.log" ||
  fail "64 processes under a limit of 16: $(cat "$root/forks.log")"
say "ok: no more processes than allowed"

[ -z "$(runc list -q)" ] || fail "containers are left: $(runc list)"
leave_nothing
[ -z "$(find /sys/fs/cgroup -name 'greet*' -o -name 'greedy*' -o -name 'forks*')" ] || fail "cgroups are left"
say "ok: nothing is left"
