#!/bin/sh
# One host with two uplinks: which one a packet takes depends on its source address, or on a firewall mark.
# nestbox: markers=vm,network timeout=1m environment=netns
. "$(dirname "$0")/lib.sh"
needs_root
needs_command ip ping nft

host home north south world
wire home n0 north home
wire home s0 south home
wire north world world n0
wire south world world s0
address home n0 192.0.2.2/25
address north home 192.0.2.1/25
address home s0 192.0.2.130/25
address south home 192.0.2.129/25
address north world 198.51.100.1/25
address world n0 198.51.100.2/25
address south world 198.51.100.129/25
address world s0 198.51.100.130/25
address world lo 203.0.113.1/32
router north south
on north ip route add 203.0.113.1 via 198.51.100.2
on south ip route add 203.0.113.1 via 198.51.100.130
on world ip route add 192.0.2.0/25 via 198.51.100.1
on world ip route add 192.0.2.128/25 via 198.51.100.129

on home ip route add default via 192.0.2.1
on home ip route add default via 192.0.2.129 table 100
on home ip rule add from 192.0.2.130 table 100
on home ip rule add fwmark 7 table 100

for name in north south; do
  on "$name" nft -f - << 'END'
table ip count {
  counter passed {}
  chain forward {
    type filter hook forward priority filter
    iifname "home" counter name passed
  }
}
END
done
# passed NORTH SOUTH: how many packets each uplink has carried so far.
passed() {
  for expected in "north $1" "south $2"; do
    name=${expected% *}
    count=$(on "$name" nft list counter ip count passed | awk '/packets/ { print $2 }')
    [ "$count" = "${expected#* }" ] || fail "$name has carried $count packets, not ${expected#* }"
  done
  say "ok: $1 packets went north, $2 south"
}

reaches home 203.0.113.1
passed 1 0
reaches home 203.0.113.1 -I 192.0.2.130
passed 1 1

on home nft -f - << 'END'
table ip marks {
  chain output {
    type route hook output priority mangle
    ip protocol icmp meta mark set 7
  }
}
END
# The source address is chosen before the mark; both ends accept the way round.
on home ip route get 203.0.113.1 mark 7 | grep -q "via 192.0.2.129" || fail "the mark does not choose the uplink"
reaches home 203.0.113.1 -I 192.0.2.130
passed 1 2

on home ip rule delete from 192.0.2.130
on home ip rule delete fwmark 7
reaches home 203.0.113.1
passed 2 2
