#!/bin/bash
# scripts/install against a pretended system: what it asks of dpkg, apt-get and sudo, and what it says.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
world=$(mktemp -d)
trap 'rm -rf "$world"' EXIT
mkdir "$world/bin"

# The pretended programs write down how they were called; `installed` lists what dpkg knows.
cat > "$world/bin/dpkg-query" << 'END'
#!/bin/bash
if grep -qx "${*: -1}" "$WORLD/installed"; then echo "installed "; else exit 1; fi
END
cat > "$world/bin/apt-get" << 'END'
#!/bin/bash
echo "apt-get $* frontend=${DEBIAN_FRONTEND:-}" >> "$WORLD/calls"
if [[ " $* " = *" update "* ]] && [ -s "$WORLD/failing-updates" ]; then
  sed -i 1d "$WORLD/failing-updates"
  exit 100
fi
END
cat > "$world/bin/sudo" << 'END'
#!/bin/bash
echo "sudo" >> "$WORLD/calls"
shift
exec "$@"
END
cat > "$world/bin/id" << 'END'
#!/bin/bash
cat "$WORLD/uid"
END
chmod +x "$world/bin/"*
for tool in bash cat dirname env grep sed; do ln -s "$(command -v "$tool")" "$world/bin/$tool"; done

# given UID [PACKAGE…]: a fresh pretended system.
given() {
  echo "$1" > "$world/uid"
  shift
  printf '%s\n' "$@" > "$world/installed"
  : > "$world/calls"
  : > "$world/failing-updates"
}
install() {
  status=0
  said=$(env -i PATH="$world/bin" WORLD="$world" "$root/scripts/install" "$@" 2>&1) || status=$?
}
expect() {
  [ "$1" = "$2" ] || {
    printf 'FAIL (line %s): expected %s\n got: %s\n' "${BASH_LINENO[0]}" "$2" "$1"
    exit 1
  }
}
contains() {
  [[ $1 = *"$2"* ]] || {
    printf 'FAIL (line %s): no "%s" in: %s\n' "${BASH_LINENO[0]}" "$2" "$1"
    exit 1
  }
}

mapfile -t bench < <(grep -v '^#' "$root/scripts/packages/bench")

# Nothing is asked of the network when all is there.
given 0 "${bench[@]}"
install bench
expect "$status" 0
expect "$(cat "$world/calls")" ""
contains "$said" "all ${#bench[@]} packages (bench) are installed"

# As root, only what is missing, without questions.
given 0 "${bench[0]}"
install bench
expect "$status" 0
contains "$(cat "$world/calls")" "install --no-install-recommends ${bench[*]:1} frontend=noninteractive"
contains "$(cat "$world/calls")" " update frontend=noninteractive"

# As somebody else, through sudo.
given 1000
install bench
expect "$status" 0
expect "$(grep -c sudo "$world/calls")" 2

# An update that fails twice is tried again.
given 0
printf 'no\nno\n' > "$world/failing-updates"
install bench
expect "$status" 0
expect "$(grep -c ' update ' "$world/calls")" 3

# One that fails three times ends it, before anything is installed.
given 0
printf 'no\nno\nno\n' > "$world/failing-updates"
install bench
expect "$status" 1
contains "$said" "error: apt-get update failed three times"
expect "$(grep -c ' install ' "$world/calls")" 0

# Without root and sudo it says what to do.
given 1000
rm "$world/bin/sudo"
install bench
expect "$status" 1
contains "$said" "hint: as root: apt-get install --no-install-recommends ${bench[*]}"

# A list that is not there.
install nothing
expect "$status" 1
contains "$said" "error: there is no package list 'nothing'"
contains "$said" "hint: the lists are: bench build run test"

# Not Debian.
rm "$world/bin/apt-get"
install bench
expect "$status" 1
contains "$said" "error: this is not a Debian or Ubuntu system"
echo "ok"
