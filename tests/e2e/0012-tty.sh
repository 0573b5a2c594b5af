#!/bin/sh
# 0012-tty.sh -- sluice exec and run on a terminal.
# needs: box
# timeout: 120
. "$(dirname "$0")/lib.sh"
need_box
sl init >/dev/null
exec /usr/bin/python3 "$(dirname "$0")/0012-tty.py" "$T"
