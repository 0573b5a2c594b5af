#!/bin/sh
# 1039-tier0-faults.sh -- each system call by which a box of tier T0 is set up is made to fail, and each of its processes
# is killed there: no act runs, or it is as closed as ever; and nothing is left.  As many as fit into the time, drawn;
# SL_FULL=1 for all, SL_SEED for the same again.
# needs: box
# timeout: 900
. "$(dirname "$0")/lib.sh"
need /usr/bin/python3 cc
cc -O1 -o "$T/tracer" "$src/tests/e2e/tracer.c" -lseccomp 2>"$T/cc" || skip_all "the tracer does not build: $(head -n 1 "$T/cc")"
export T src
alone /usr/bin/python3 -B "$(dirname "$0")/1039-tier0-faults.py"
exit $?
