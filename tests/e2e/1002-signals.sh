#!/bin/sh
# 1002-signals.sh -- Ctrl-C, SIGTERM, SIGHUP and `sluice cancel` while something runs: nothing
# of the box survives, the end is recorded as cancelled, the log is right.
# needs: box
# timeout: 90
. "$(dirname "$0")/lib.sh"
need_box
export T
/usr/bin/python3 -B "$(dirname "$0")/1002-signals.py"
exit $?
