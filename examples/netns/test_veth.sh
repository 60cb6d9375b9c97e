#!/bin/sh
# Two hosts on one cable: they reach each other in IPv4 and IPv6, jumbo frames pass, and the cable dies as one.
# nestbox: markers=vm,network timeout=1m environment=netns
. "$(dirname "$0")/lib.sh"
needs_root
needs_command ip ping

host left right
wire left eth0 right eth0
address left eth0 192.0.2.1/24 2001:db8::1/64
address right eth0 192.0.2.2/24 2001:db8::2/64

reaches left 192.0.2.2
reaches right 192.0.2.1
reaches left 2001:db8::2
reaches right 2001:db8::1

# 28 bytes of IPv4 and ICMP headers.
cannot_reach left 192.0.2.2 -M "do" -s 8972
on left ip link set eth0 mtu 9000
on right ip link set eth0 mtu 9000
reaches left 192.0.2.2 -M "do" -s 8972
cannot_reach left 192.0.2.2 -M "do" -s 8973

on right ip link delete eth0
if on left ip link show eth0 2> /dev/null; then fail "one end of a veth pair outlived the other"; fi
say "ok: both ends are gone"
