#!/bin/sh
# A WireGuard mesh of three machines on a slow and lossy network: keys made on each, peers added, a peer removed, all
# deleted.
. "$(dirname "$0")/lib.sh"

for machine in $machines; do
  on "$machine" sh -ec '
    umask 077
    wg genkey > /run/key
    wg pubkey < /run/key > /run/key.pub
    ip link add wg0 type wireguard
    wg set wg0 listen-port 51820 private-key /run/key
    ip link set wg0 up'
  on "$machine" ip address add "203.0.113.$(number "$machine")/24" dev wg0
done
for machine in $machines; do
  for other in $machines; do
    [ "$other" = "$machine" ] ||
      on "$machine" wg set wg0 peer "$(on "$other" cat /run/key.pub)" \
        endpoint "192.0.2.$(number "$other"):51820" allowed-ips "203.0.113.$(number "$other")/32"
  done
done

for link in $machines; do
  nestbox net set "$link" latency=10ms jitter=2ms loss=2%
done
# A handshake whose first message is lost is tried again after five seconds.
reaches n1 203.0.113.2 -c 3 -W 10
reaches n2 203.0.113.3 -c 3 -W 10
on n1 wg show wg0 latest-handshakes | grep -qv '	0$' || fail "n1 has shaken no hands"

on n2 wg set wg0 peer "$(cat /run/key.pub)" remove
cannot_reach n1 203.0.113.2
reaches n1 203.0.113.3 -c 3 -W 10

everywhere ip link delete wg0
gone wg0
