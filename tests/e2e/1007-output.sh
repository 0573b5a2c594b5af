#!/bin/sh
# 1007-output.sh -- output without end is bounded and recorded; a reader that goes away ends
# the command; what cannot be written is never a success.
# needs: box
# timeout: 120
. "$(dirname "$0")/lib.sh"
need_box
export T
/usr/bin/python3 -B "$(dirname "$0")/1007-output.py"
exit $?
