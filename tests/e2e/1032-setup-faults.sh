#!/bin/sh
# 1032-setup-faults.sh -- every system call of a box's set-up made to fail in turn, or its process killed at it: no
# act starts, nothing is left, and the error names the layer; or the box is exactly as closed as without the fault.
# SL_SEED repeats a choice of faults, SL_ONLY=TEXT takes those whose name holds it; SL_FULL (./dev test --full) takes
# all of them, which is many minutes' work.
# needs: box
# timeout: 300
. "$(dirname "$0")/lib.sh"
need_box
need /usr/bin/python3 cc
cc -O1 -o "$T/tracer" "$src/tests/e2e/tracer.c" -lseccomp 2>"$T/cc" || skip_all "the tracer does not build: $(head -n 1 "$T/cc")"
export T src
/usr/bin/python3 -B "$(dirname "$0")/1032-setup-faults.py"
exit $?
