#!/bin/sh
# 1033-leaks.sh -- boxes started and killed at random (supervisor, recorder, parser, init, helpers, act): no process,
# mount, namespace, descriptor, cgroup or directory stays, the log checks clean and every receipt verifies.
# SL_SEED repeats the choices (not the moments), SL_BOXES=N says how many; SL_FULL (./dev test --full) makes it 1,000.
# needs: box
# timeout: 300
. "$(dirname "$0")/lib.sh"
need_box
need /usr/bin/python3
export T src
/usr/bin/python3 -B "$(dirname "$0")/1033-leaks.py"
exit $?
