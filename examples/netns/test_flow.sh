#!/bin/sh
# Eight megabytes over TCP through a switch arrive as they were sent, also when the cable loses its offloads.
# nestbox: markers=vm,network timeout=2m environment=netns
. "$(dirname "$0")/lib.sh"
needs_root
needs_command ip nc sha256sum

host switch sender receiver
on switch ip link add br0 type bridge forward_delay 0
on switch ip link set br0 up
for name in sender receiver; do
  wire "$name" eth0 switch "to-$name"
  on switch ip link set "to-$name" master br0
done
address sender eth0 192.0.2.1/24
address receiver eth0 192.0.2.2/24

head -c 8388608 /dev/urandom > "$scratch/sent"
transfer() {
  listen receiver 5000 "$scratch/received"
  send sender 192.0.2.2 5000 < "$scratch/sent"
  heard
  cmp "$scratch/sent" "$scratch/received" || fail "$1: the bytes changed on their way"
  say "ok: $1: $(sha256sum < "$scratch/received" | cut -c 1-16)"
}
transfer "plain"
on switch ip link set to-receiver mtu 600
on receiver ip link set eth0 mtu 600
on sender ip link set eth0 mtu 600
on switch ip link set to-sender mtu 600
transfer "in small packets"

bytes=$(on receiver cat /sys/class/net/eth0/statistics/rx_bytes)
[ "$bytes" -gt 16777216 ] || fail "only $bytes bytes came through the cable"
say "ok: the cable has carried $bytes bytes"
