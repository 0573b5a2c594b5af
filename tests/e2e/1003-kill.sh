#!/bin/sh
# 1003-kill.sh -- kill -9 of sluice's own processes at any point: no process of the box
# survives, the log checks clean, receipts that were handed out verify, the run is recorded
# as failed or cancelled, or by the next start as interrupted; nothing is acted on again.
# needs: box
# timeout: 120
. "$(dirname "$0")/lib.sh"
need_box
export T
/usr/bin/python3 -B "$(dirname "$0")/1003-kill.py"
exit $?
