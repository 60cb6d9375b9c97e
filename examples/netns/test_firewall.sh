#!/bin/sh
# A host that drops all but one port: counters tell what was accepted, refused and dropped; answers still come back.
# nestbox: markers=vm,network timeout=1m environment=netns
. "$(dirname "$0")/lib.sh"
needs_root
needs_command ip ping nft nc

host client server
wire client eth0 server eth0
address client eth0 192.0.2.1/24
address server eth0 192.0.2.2/24
reaches client 192.0.2.2

on server nft -f - << 'END'
table inet filter {
  counter accepted {}
  counter refused {}
  counter dropped {}
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    tcp dport 80 counter name accepted accept
    tcp dport 81 counter name refused reject with tcp reset
    counter name dropped
  }
}
END
packets() { on server nft list counter inet filter "$1" | awk '/packets/ { print $2 }'; }
expect() { [ "$(packets "$1")" = "$2" ] || fail "$1: $(packets "$1") packets, not $2"; }

listen server 80 "$scratch/received"
echo hello | send client 192.0.2.2 80
heard
grep -q hello "$scratch/received" || fail "port 80 is closed"
expect accepted 1
say "ok: port 80 is open, and only the first packet asked the rules"

if on client nc -n -z -w 5 192.0.2.2 81; then fail "port 81 is open"; fi
expect refused 1
say "ok: port 81 is refused at once"

cannot_reach client 192.0.2.2
expect dropped 1
say "ok: the ping was dropped"

# What the server itself asks for comes back.
reaches server 192.0.2.1
expect dropped 1

on server nft flush ruleset
reaches client 192.0.2.2
