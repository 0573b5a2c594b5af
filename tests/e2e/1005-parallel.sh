#!/bin/sh
# 1005-parallel.sh -- many commands on one home at once: one identity, one log, all of them
# recorded and verifiable.
# needs: box
# timeout: 90
. "$(dirname "$0")/lib.sh"
need_box
export T
/usr/bin/python3 -B "$(dirname "$0")/1005-parallel.py"
exit $?
