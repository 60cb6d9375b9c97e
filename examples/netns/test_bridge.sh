#!/bin/sh
# Three hosts on one switch: all reach each other, the switch learns who is where, isolated ports stay apart.
# nestbox: markers=vm,network timeout=1m environment=netns
. "$(dirname "$0")/lib.sh"
needs_root
needs_command ip bridge ping

host switch a b c
on switch ip link add br0 type bridge forward_delay 0
on switch ip link set br0 up
number=1
for name in a b c; do
  wire "$name" eth0 switch "to-$name"
  on switch ip link set "to-$name" master br0
  address "$name" eth0 "192.0.2.$number/24"
  number=$((number + 1))
done

reaches a 192.0.2.2
reaches b 192.0.2.3
reaches c 192.0.2.1

for name in a b c; do
  mac=$(on "$name" cat /sys/class/net/eth0/address)
  on switch bridge fdb show dynamic | grep -q "^$mac dev to-$name " ||
    fail "the switch has not learnt that $mac is at to-$name: $(on switch bridge fdb show dynamic)"
done
say "ok: the switch knows all three"

on switch bridge link set dev to-a isolated on
on switch bridge link set dev to-b isolated on
cannot_reach a 192.0.2.2
reaches a 192.0.2.3
on switch bridge link set dev to-a isolated off
reaches a 192.0.2.2

on switch ip link delete br0
cannot_reach a 192.0.2.3
