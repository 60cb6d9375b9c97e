#!/bin/sh
# The master dies; the next takes its address over; the old one comes back and takes it back.
. "$(dirname "$0")/lib.sh"

is_master a || fail "a does not start as master"
if is_master b || is_master c; then fail "two masters from the start"; fi
nestbox exec c -- ping -n -q -c 1 -W 5 192.0.2.100 > /dev/null || fail "nobody answers on the shared address"
say "ok: a is master, and the forked cluster answers"

nestbox exec a -- pkill keepalived
becomes_master b
nestbox exec c -- ping -n -q -c 1 -W 5 192.0.2.100 > /dev/null || fail "b does not answer on the shared address"

nestbox exec a -- /srv/node/start
becomes_master a
steps_down b
