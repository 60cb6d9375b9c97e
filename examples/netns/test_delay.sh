#!/bin/sh
# A cable with 40 ms of delay in each direction: a round trip takes 80 ms, and a lossy one loses all.
# nestbox: markers=vm,network timeout=1m environment=netns
. "$(dirname "$0")/lib.sh"
needs_root
needs_command ip tc ping

host near far
wire near eth0 far eth0
address near eth0 192.0.2.1/24
address far eth0 192.0.2.2/24
on near tc qdisc add dev eth0 root netem delay 40ms 2> /dev/null || skip "this kernel has no sch_netem"
on far tc qdisc add dev eth0 root netem delay 40ms

reaches near 192.0.2.2
time=$(on near ping -n -q -c 3 -i 0.2 192.0.2.2 | awk '/^rtt/ { print int($4) }')
[ "$time" -ge 80 ] || fail "a round trip took $time ms, less than the delay of 80 ms"
say "ok: the quickest round trip took at least 80 ms"

on near tc qdisc replace dev eth0 root netem loss 100%
cannot_reach near 192.0.2.2
on near tc qdisc delete dev eth0 root
reaches near 192.0.2.2
