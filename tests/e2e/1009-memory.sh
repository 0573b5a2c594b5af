#!/bin/sh
# 1009-memory.sh -- memory, descriptors, file size: with whatever limit sluice is started, it
# works or says why not (exit 5, exec 125); it never crashes, and the log stays right.
# needs: box
# timeout: 90
. "$(dirname "$0")/lib.sh"
need_box
export T
/usr/bin/python3 -B "$(dirname "$0")/1009-memory.py"
exit $?
