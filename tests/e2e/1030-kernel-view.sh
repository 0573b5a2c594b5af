#!/bin/sh
# 1030-kernel-view.sh -- live boxes of every kind, read back from /proc by a checker that knows nothing of the
# program: exactly what was promised, and exactly the layers and limits that the statement claims.
# needs: box
# timeout: 120
. "$(dirname "$0")/lib.sh"
need_box
need /usr/bin/python3 mknod
export T src
/usr/bin/python3 -B "$(dirname "$0")/1030-kernel-view.py"
exit $?
