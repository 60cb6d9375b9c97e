#!/bin/bash
# One folder of examples in machines: every test passes, but for those that are there to show a skip.
# usage: examples_test.sh NESTBOX EXAMPLE NUMBER [SKIPPED…]
#        NUMBER     how many tests it has
#        SKIPPED    names of those that skip
# environment: DRIVER, to run it on another driver than nestbox would choose
set -euo pipefail
nestbox=$1
example=$2
number=$3
shift 3
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A copy, so that neither the checkout's own git state nor other tests matter.
cp -r "$root/examples/$example" "$work/suite"
cd "$work/suite"
XDG_STATE_HOME=$work/state "$nestbox" run -v ${DRIVER:+--driver "$DRIVER"} --report "junit=$work/report.xml"

/usr/bin/python3 - "$work/report.xml" "$number" "$@" << 'END'
import sys, xml.etree.ElementTree as tree
report, number, *skips = sys.argv[1:]
outcomes = {}
for case in tree.parse(report).iter("testcase"):
    bad = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
    outcomes[case.get("name").split("/")[-1]] = bad[0] if bad else "passed"
wrong = {name: outcome for name, outcome in outcomes.items() if outcome != ("skipped" if name in skips else "passed")}
if wrong or len(outcomes) != int(number):
    sys.exit(f"FAIL: {outcomes}")
print("ok:", number, "tests")
END
