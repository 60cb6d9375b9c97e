#!/bin/sh
# A VXLAN overlay on three machines: one Ethernet over UDP, made, cut by a partition of the network below, healed,
# deleted.
. "$(dirname "$0")/lib.sh"

for machine in $machines; do
  on "$machine" ip link add vx0 type vxlan id 42 dev eth0 dstport 4789 local "192.0.2.$(number "$machine")"
  for other in $machines; do
    [ "$other" = "$machine" ] ||
      on "$machine" bridge fdb append 00:00:00:00:00:00 dev vx0 dst "192.0.2.$(number "$other")"
  done
  on "$machine" ip address add "203.0.113.$(number "$machine")/24" dev vx0
  on "$machine" ip link set vx0 up
done

reaches n1 203.0.113.2
reaches n2 203.0.113.3
reaches n3 203.0.113.1
# 1,500 bytes below, 50 of them for the tunnel.
reaches n1 203.0.113.2 -s 1422 -M "do"
on n1 ping -n -q -c 1 -W 1 -s 1423 -M "do" 203.0.113.2 > /dev/null 2>&1 && fail "1,451 bytes fit into the tunnel"

nestbox net partition n1 '|' n2,n3
cannot_reach n1 203.0.113.2
reaches n2 203.0.113.3
nestbox net heal
reaches n1 203.0.113.2

everywhere ip link delete vx0
gone vx0
cannot_reach n1 203.0.113.2
