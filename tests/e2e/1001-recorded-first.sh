#!/bin/sh
# 1001-recorded-first.sh -- no process of a request starts before its decision is on stable
# storage: fdatasync returns before the first execve in the box, for exec and for each step.
# needs: box
# timeout: 60
. "$(dirname "$0")/lib.sh"
need_box
need strace
strace -f -o "$T/probe" true 2>/dev/null && grep -q execve "$T/probe" ||
	skip_all "strace cannot trace here"
export T
/usr/bin/python3 -B "$(dirname "$0")/1001-recorded-first.py"
exit $?
