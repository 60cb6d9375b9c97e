#!/bin/bash
# examples/netns in machines: every script passes, but for the one that shows a skip.
# usage: examples_test.sh NESTBOX
set -euo pipefail
nestbox=$1
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A copy, so that neither the checkout's own git state nor other tests matter.
cp -r "$root/examples/netns" "$work/suite"
cd "$work/suite"
XDG_STATE_HOME=$work/state "$nestbox" run . --report "junit=$work/report.xml"

/usr/bin/python3 - "$work/report.xml" << 'END'
import glob, sys, xml.etree.ElementTree as tree
outcomes = {}
for case in tree.parse(sys.argv[1]).iter("testcase"):
    bad = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
    outcomes[case.get("name").split("/")[-1]] = bad[0] if bad else "passed"
expected = {name: "skipped" if name == "test_can.sh" else "passed" for name in glob.glob("test_*.sh")}
if outcomes != expected:
    sys.exit(f"FAIL: {outcomes}")
print("ok:", len(outcomes), "scripts")
END
