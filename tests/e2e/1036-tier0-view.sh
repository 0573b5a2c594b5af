#!/bin/sh
# 1036-tier0-view.sh -- live boxes of tier T0, read back from /proc by a checker that knows nothing of the program: two
# guards and an act, held as the statement claims, and no layer claimed that is not there.
# needs: box
# timeout: 60
. "$(dirname "$0")/lib.sh"
need /usr/bin/python3
export T src
/usr/bin/python3 -B "$(dirname "$0")/1036-tier0-view.py"
exit $?
