#!/bin/sh
# VLANs across three machines: tagged frames pass the switch between them, VLANs stay apart, everything is deleted again.
. "$(dirname "$0")/lib.sh"

# n1 and n2 in VLAN 10, n2 and n3 in VLAN 20.
vlan() {
  on "$1" ip link add link eth0 name "vlan$2" type vlan id "$2"
  on "$1" ip address add "198.51.$2.$(number "$1")/24" dev "vlan$2"
  on "$1" ip link set "vlan$2" up
}
vlan n1 10
vlan n2 10
vlan n2 20
vlan n3 20

reaches n1 198.51.10.2
reaches n3 198.51.20.2
# The same addresses in another VLAN are another network.
on n3 ip address add 198.51.10.3/24 dev vlan20
cannot_reach n1 198.51.10.3

on n1 ip link delete vlan10
cannot_reach n1 198.51.10.2
on n2 ip link delete vlan10
on n2 ip link delete vlan20
on n3 ip link delete vlan20
gone vlan10
gone vlan20
