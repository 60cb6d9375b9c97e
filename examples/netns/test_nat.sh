#!/bin/sh
# A home router: a client behind it is seen by the server under the router's address, and a forwarded port leads back in.
# nestbox: markers=vm,network timeout=1m environment=netns
. "$(dirname "$0")/lib.sh"
needs_root
needs_command ip ping nft nc

host client router server
wire client eth0 router inside
wire server eth0 router outside
address client eth0 192.0.2.2/24
address router inside 192.0.2.1/24
address router outside 198.51.100.1/24
address server eth0 198.51.100.2/24
on client ip route add default via 192.0.2.1
router router

# The server knows no way back to 192.0.2.0/24.
cannot_reach client 198.51.100.2

on router nft -f - << 'END'
table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat
    oifname "outside" counter masquerade
  }
  chain prerouting {
    type nat hook prerouting priority dstnat
    iifname "outside" tcp dport 8080 counter dnat to 192.0.2.2:80
  }
}
END
reaches client 198.51.100.2

listen server 5000 "$scratch/received"
echo "from the inside" | send client 198.51.100.2 5000
heard
grep -q "received on 198.51.100.1 " "$scratch/heard" || fail "the server did not see the router's address"
grep -q "from the inside" "$scratch/received" || fail "the message got lost"
say "ok: the server sees the router, not the client"

listen client 80 "$scratch/received"
echo "from the outside" | send server 198.51.100.1 8080
heard
grep -q "from the outside" "$scratch/received" || fail "the forwarded port leads nowhere"
say "ok: port 8080 of the router leads to the client"

on router nft delete table ip nat
cannot_reach client 198.51.100.2
