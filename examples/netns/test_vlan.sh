#!/bin/sh
# A switch with two VLANs: hosts talk within theirs only; a host on a trunk port is in both by tagged devices.
# nestbox: markers=vm,network timeout=1m environment=netns
. "$(dirname "$0")/lib.sh"
needs_root
needs_command ip bridge ping

host switch red1 red2 blue trunk
on switch ip link add br0 type bridge forward_delay 0 vlan_filtering 1 vlan_default_pvid 0 2> /dev/null ||
  skip "this kernel's bridges know no VLANs"
on switch ip link set br0 up

# port HOST VLAN: an access port, untagged outside and in VLAN inside.
port() {
  wire "$1" eth0 switch "to-$1"
  on switch ip link set "to-$1" master br0
  on switch bridge vlan add dev "to-$1" vid "$2" pvid untagged
}
port red1 10
port red2 10
port blue 20
address red1 eth0 192.0.2.1/24
address red2 eth0 192.0.2.2/24
address blue eth0 192.0.2.3/24

wire trunk eth0 switch to-trunk
on switch ip link set to-trunk master br0
on switch bridge vlan add dev to-trunk vid 10
on switch bridge vlan add dev to-trunk vid 20
for vlan in 10 20; do
  on trunk ip link add link eth0 name "eth0.$vlan" type vlan id "$vlan"
  on trunk ip link set "eth0.$vlan" up
done
address trunk eth0.10 192.0.2.10/24
address trunk eth0.20 198.51.100.20/24
address blue eth0 198.51.100.3/24

reaches red1 192.0.2.2
cannot_reach red1 192.0.2.3
reaches red2 192.0.2.10
reaches blue 198.51.100.20

on switch bridge vlan delete dev to-red2 vid 10
cannot_reach red1 192.0.2.2
