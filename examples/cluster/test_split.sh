#!/bin/sh
# The network splits: each side has its master. It heals: there is one again.
. "$(dirname "$0")/lib.sh"

nestbox net partition a '|' b,c
becomes_master b
is_master a || fail "a has lost its address, though nobody contests it"
if is_master c; then fail "b and c see each other, and both are master"; fi
say "ok: one master on each side"

nestbox net heal
steps_down b
is_master a || fail "a, the preferred one, is not master after the network has healed"
if is_master c; then fail "c is master"; fi
say "ok: one master"
