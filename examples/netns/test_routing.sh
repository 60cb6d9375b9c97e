#!/bin/sh
# Two hosts with two routers between them, in IPv4 and IPv6: hop by hop, unreachable when a route is withdrawn.
# nestbox: markers=vm,network timeout=1m environment=netns
. "$(dirname "$0")/lib.sh"
needs_root
needs_command ip ping

host a r1 r2 b
wire a eth0 r1 left
wire r1 right r2 left
wire r2 right b eth0
address a eth0 192.0.2.2/24 2001:db8:1::2/64
address r1 left 192.0.2.1/24 2001:db8:1::1/64
address r1 right 198.51.100.1/24 2001:db8:2::1/64
address r2 left 198.51.100.2/24 2001:db8:2::2/64
address r2 right 203.0.113.1/24 2001:db8:3::1/64
address b eth0 203.0.113.2/24 2001:db8:3::2/64
router r1 r2
on a ip route add default via 192.0.2.1
on a ip route add default via 2001:db8:1::1
on b ip route add default via 203.0.113.1
on b ip route add default via 2001:db8:3::1
on r1 ip route add 203.0.113.0/24 via 198.51.100.2
on r1 ip route add 2001:db8:3::/64 via 2001:db8:2::2
on r2 ip route add 192.0.2.0/24 via 198.51.100.1
on r2 ip route add 2001:db8:1::/64 via 2001:db8:2::1

reaches a 203.0.113.2
reaches b 192.0.2.2
reaches a 2001:db8:3::2

# hop TTL FROM: whose answer a packet with this time to live gets.
hop() {
  on a ping -n -c 1 -W 2 -t "$1" 203.0.113.2 > "$scratch/hop" || true
  grep -q "^From $2 .*Time to live exceeded" "$scratch/hop" || fail "hop $1 is not $2: $(cat "$scratch/hop")"
  say "ok: hop $1 is $2"
}
hop 1 192.0.2.1
hop 2 198.51.100.2
reaches a 203.0.113.2 -t 3

on r1 ip route replace unreachable 203.0.113.0/24
cannot_reach a 203.0.113.2
reaches a 2001:db8:3::2
on a ping -n -c 1 -W 2 203.0.113.2 | grep -q "Destination Host Unreachable" || fail "r1 does not say that b is gone"
say "ok: r1 says so"
