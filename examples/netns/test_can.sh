#!/bin/sh
# A CAN bus across two namespaces. Debian's cloud kernel knows no CAN: this test shows what a skip looks like.
# nestbox: markers=vm,network timeout=1m environment=netns
. "$(dirname "$0")/lib.sh"
needs_root
needs_command ip

host car garage
ip link add can0 netns "$tag-car" type vxcan peer name can0 netns "$tag-garage" 2> /dev/null ||
  skip "this kernel has no vxcan"
on car ip link set can0 up
on garage ip link set can0 up
on garage ip -o link show can0 | grep -q LOWER_UP || fail "the bus is not up"
say "ok: the bus is up"
