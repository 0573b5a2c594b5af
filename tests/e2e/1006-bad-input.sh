#!/bin/sh
# 1006-bad-input.sh -- what cannot be right is refused: precisely, with its place, at once,
# in little memory, and before anything is decided or run.
# needs: box
# timeout: 120
. "$(dirname "$0")/lib.sh"
need_box
export T
/usr/bin/python3 -B "$(dirname "$0")/1006-bad-input.py"
exit $?
