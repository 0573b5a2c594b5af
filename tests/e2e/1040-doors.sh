#!/bin/sh
# 1040-doors.sh -- holes that a test opens are found open, and shut in every shipped box (hostile/doors.py).
# needs: box
# timeout: 300
. "$(dirname "$0")/lib.sh"
need_box
need cc setpriv
[ -x "$(dirname "$SLUICE")/tests/unit/box/box_doors" ] || skip_all "no box_doors beside $SLUICE: built with the unit tests"
/usr/bin/python3 -B "$src/tests/e2e/hostile/doors.py"
