#!/bin/bash
# Installs the greeter on each host of $GREETER_HOSTS, with ssh alone, checks each from all others, removes it,
# and sees that nothing is left. $GREETER_ADDRESSES: where the hosts find each other.
set -euo pipefail
cd "$(dirname "$0")"
read -ra hosts <<< "$GREETER_HOSTS"
read -ra addresses <<< "$GREETER_ADDRESSES"

fail() {
  echo "FAIL: $*"
  exit 1
}

# greeting FROM ADDRESS: what the greeter at an address says to a host.
greeting() {
  # shellcheck disable=SC2029  # the address is known on this side only
  ssh "$1" "timeout 20 bash -c 'exec 3<> /dev/tcp/$2/7979 && cat <&3' 2> /dev/null"
}

# from_each_other COMMAND: calls `COMMAND FROM TO ADDRESS` for each pair of hosts.
from_each_other() {
  for from in "${!hosts[@]}"; do
    for to in "${!hosts[@]}"; do
      [ "$from" = "$to" ] || "$1" "${hosts[from]}" "${hosts[to]}" "${addresses[to]}"
    done
  done
}
must_greet() {
  local said name
  said=$(greeting "$1" "$3") || fail "$1 cannot reach the greeter on $2"
  name=$(ssh "$2" uname -n)
  [ "$said" = "hello from $name" ] || fail "the greeter on $2 said '$said'"
  echo "ok: $2 greets $1"
}
must_be_silent() {
  if greeting "$1" "$3"; then fail "$2 still greets $1"; fi
  echo "ok: $2 does not greet $1"
}

for host in "${hosts[@]}"; do
  tar -c greeter | ssh "$host" 'tar -x -C /tmp && sudo /tmp/greeter/install'
done
from_each_other must_greet

for host in "${hosts[@]}"; do
  ssh "$host" 'sudo /opt/greeter/remove && test ! -e /opt/greeter' || fail "something of the greeter is left on $host"
done
from_each_other must_be_silent
